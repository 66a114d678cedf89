import { countCodeTexts, letTimePass, readAccounts, readEvents, readRows } from '../support/database';
import {
  alertOf,
  button,
  enterCode,
  expectPage,
  field,
  fillRegistration,
  open,
  paths,
  register,
  signIn,
} from '../support/journeys';
import { newApplicant, newNumber, writeNationally } from '../support/people';
import { readConsents, settingsPaths } from '../support/settings';
import { expect, test } from '../support/test';
import { awaitTexts, readCode, wrongCode } from '../support/texts';

test('who leaves the phone out is inside at once, and can add and verify it from there', async ({ page }) => {
  const phone = newNumber();
  const { email, name } = await register(page);
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'none');
  expect((await readAccounts(email))[0]).toMatchObject({ phone: null, verified: false });

  await open(page, paths.code);
  await page.getByRole('link', { name: 'Not now' }).click();
  await expectPage(page, paths.dashboard);

  // One consent is enough for the code and for updates.
  await page.getByRole('link', { name: 'Add my phone' }).click();
  await expectPage(page, settingsPaths.preferences);
  await field(page, 'phone').fill(writeNationally(phone));
  await field(page, 'smsOptIn').check();
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expect(field(page, 'code')).toBeVisible();
  await enterCode(page, await readCode(phone));
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');
  expect((await readAccounts(email))[0]).toMatchObject({ phone, verified: true });
  expect((await readConsents(phone)).sort()).toEqual([
    'granted updates by preferences',
    'granted verification by preferences',
  ]);
});

test('who agrees to texts without asking for any is told once that none will come, and no consent is recorded', async ({
  page,
}) => {
  const phone = newNumber();
  const said = page.getByText('but did not ask for any, so we send none.');
  await register(page, { phone, consent: true });
  await expect(said).toBeVisible();
  expect(await readConsents(phone)).toEqual([]);
  await open(page, paths.dashboard);
  await expect(said).toHaveCount(0);
});

test('who gave a phone without verifying it goes from the dashboard to the code page and back, and verifies there', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, updates: true });
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'unverified');
  expect(await countCodeTexts(phone)).toBe(0);

  await button(page, 'Verify my phone').click();
  await expectPage(page, paths.code);
  // Updates were agreed to, codes were not: the consent text comes first.
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expect(field(page, 'code')).toBeVisible();
  await page.getByRole('link', { name: 'Not now' }).click();
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'unverified');

  const code = await readCode(phone);
  await open(page, paths.code);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');
  expect(await countCodeTexts(phone)).toBe(1);
  // From now on updates may come; the text that says so may have to wait for the morning.
  expect(
    await readRows('select template from sms_messages where phone = $1 order by created_at', [phone]),
  ).toEqual([{ template: 'verification' }, { template: 'optInConfirmation' }]);
});

test('who verifies gets a text bound to this site, and its code leads inside', async ({ page }) => {
  const phone = newNumber();
  const { email } = await register(page, { phone: writeNationally(phone), verify: true });
  expect((await readAccounts(email))[0]).toMatchObject({ activated_at: null });
  await expect(page.getByText(writeNationally(phone))).toBeVisible();
  await expect(page.locator('[data-sms-status]')).toHaveCount(1);

  await expect(page.locator('main input[name="code"]')).toHaveCount(1);
  await expect(field(page, 'code')).toHaveAttribute('type', 'text');
  await expect(field(page, 'code')).toHaveAttribute('inputmode', 'numeric');
  await expect(field(page, 'code')).toHaveAttribute('autocomplete', 'one-time-code');

  const code = await readCode(phone);
  const [text] = await awaitTexts(phone, 1);
  expect(text!.purpose).toBe('verification');
  expect(text!.body.split('\n').at(-1)).toBe(`@localhost #${code}`);

  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');
  const [account] = await readAccounts(email);
  expect(account).toMatchObject({ phone, verified: true });
  expect(account!.activated_at).not.toBeNull();
  expect(await countCodeTexts(phone)).toBe(1);
});

test('a reload, Back and a second visit never send another text', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await awaitTexts(phone, 1);
  await page.reload();
  await page.goto(paths.terms);
  await page.goBack();
  await expectPage(page, paths.code);
  await page.goto(paths.code);
  await page.goBack();
  await expectPage(page, paths.register);
  await page.goForward();
  await expectPage(page, paths.code);
  await expect(field(page, 'code')).toBeVisible();
  expect(await countCodeTexts(phone)).toBe(1);
});

test('a wrong code says how many tries you have left, and the fifth ends the code and says what next', async ({
  page,
}) => {
  const phone = newNumber();
  const { email } = await register(page, { phone, verify: true });
  const code = await readCode(phone);
  for (const left of ['4 tries', '3 tries', '2 tries', '1 try']) {
    await enterCode(page, wrongCode(code, left.length + Number(left[0])));
    await expect(page.locator('#code-error')).toContainText(`You have ${left} left.`);
    await expect(field(page, 'code')).toHaveAttribute('aria-invalid', 'true');
    await expect(field(page, 'code')).toHaveAttribute('aria-describedby', /\bcode-error\b/);
  }
  await enterCode(page, wrongCode(code, 77));
  await expect(
    page.getByText('Five wrong codes were entered, so the last code no longer works.'),
  ).toBeVisible();
  await expect(field(page, 'code')).toHaveCount(0);
  await expect(button(page, 'Continue without verifying')).toBeVisible();
  expect((await readAccounts(email))[0]).toMatchObject({ activated_at: null });

  await button(page, 'Send a new code').click();
  await expect(field(page, 'code')).toBeVisible();
  const next = await readCode(phone, 2);
  await enterCode(page, next);
  await expectPage(page, paths.dashboard);
});

test('what is not a code costs no try', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await field(page, 'code').fill('12345');
  await button(page, 'Verify').click();
  await expect(page.locator('#code-error')).toContainText('did not count as a try');
  await open(page, paths.code);
  await expect(page.getByText('5 tries left.')).toBeVisible();
});

test('sending again waits 30 seconds, then brings the same code', async ({ page, javaScriptEnabled }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  const code = await readCode(phone);
  const again = button(page, 'Send the code again');
  if (javaScriptEnabled) {
    await expect(page.getByText(/You can send it again in \d+ seconds \(2 left\)\./)).toBeVisible();
    await expect(again).toBeDisabled();
  } else {
    await again.click();
    await expect(alertOf(page)).toContainText('A text was just sent. You can send the code again in');
  }
  expect(await countCodeTexts(phone)).toBe(1);

  await letTimePass(phone, 30);
  await open(page, paths.code);
  await expect(page.getByText('You can send it 2 more times.')).toBeVisible();
  await again.click();
  await expect(page.getByText(/You can send it again (in|at) .+\(1 left\)\./)).toBeVisible();
  expect(await readCode(phone, 2)).toBe(code);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  expect(await countCodeTexts(phone)).toBe(2);
});

test('a wrong number is put right in place: the new one gets the code, and the old code is dead', async ({
  page,
}) => {
  const [phone, other] = [newNumber(), newNumber()];
  const { email } = await register(page, { phone, verify: true });
  const old = await readCode(phone);

  await page.getByText('Change number').click();
  const form = page.locator('details form');
  await expect(field(form, 'phone')).toHaveValue(writeNationally(phone));
  await expect(form).toContainText('Reply STOP to any text to opt out');
  await field(form, 'phone').fill(writeNationally(other));
  await button(form, 'Send the code to this number').click();
  await expect(page.locator('#other-tcpaConsent-error')).toBeVisible();
  expect(await countCodeTexts(other)).toBe(0);
  await field(form, 'tcpaConsent').check();
  await button(form, 'Send the code to this number').click();
  await expect(page.getByText(writeNationally(other))).toBeVisible();

  const code = await readCode(other);
  if (old !== code) {
    await open(page, paths.code);
    await enterCode(page, old);
    await expect(page.locator('#code-error')).toContainText('You have 4 tries left.');
  }
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  expect((await readAccounts(email))[0]).toMatchObject({ phone: other, verified: true });
  expect(await countCodeTexts(phone)).toBe(1);
});

test('a code on a page that shows an earlier number costs no try, and the page shows the number that it is now', async ({
  page,
  context,
}) => {
  const [phone, other] = [newNumber(), newNumber()];
  await register(page, { phone, verify: true });
  const code = await readCode(phone);
  // With a script the page would hear of the new number by itself, and show it: what it asks is never answered.
  await page.route(`**${paths.code}/status`, () => undefined);
  const tab = await context.newPage();
  await open(tab, paths.code);
  await tab.getByText('Change number').click();
  const form = tab.locator('details form');
  await field(form, 'phone').fill(writeNationally(other));
  await field(form, 'tcpaConsent').check();
  await button(form, 'Send the code to this number').click();
  await expect(tab.getByText(writeNationally(other))).toBeVisible();

  await enterCode(page, code);
  await expect(alertOf(page)).toContainText(
    `Your number was changed in another tab to ${writeNationally(other)}. The code that you entered was not for it, and did not count as a try.`,
  );
  await expect(page.getByText('5 tries left.')).toBeVisible();
  await enterCode(page, await readCode(other));
  await expectPage(page, paths.dashboard);
});

test('a code for an account that another browser has opened leads to sign-in, which says why', async ({
  page,
  openBrowser,
  javaScriptEnabled,
}) => {
  const phone = newNumber();
  const applicant = await register(page, { phone, verify: true });
  const other = await (await openBrowser()).newPage();
  await signIn(other, applicant);
  await expectPage(other, paths.code);
  const code = await readCode(phone);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  // With a script the page hears of it by itself.
  if (!javaScriptEnabled) await enterCode(other, code);
  await expectPage(other, paths.signIn);
  await expect(other.getByText('No code is needed here anymore.')).toBeVisible();
  await field(other, 'email').fill(applicant.email);
  await field(other, 'password').fill(applicant.password);
  await button(other, 'Sign in').click();
  await expectPage(other, paths.dashboard);
});

test('who enters the number they have is told that it stays, and that no code was sent', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  const code = await readCode(phone);
  await page.getByText('Change number').click();
  const form = page.locator('details form');
  await field(form, 'tcpaConsent').check();
  await button(form, 'Send the code to this number').click();
  await expect(alertOf(page)).toContainText('This is the number you have, and no code was sent.');
  expect(await countCodeTexts(phone)).toBe(1);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
});

test('going on without verifying is offered when no receipt came for 60 seconds, not before', async ({
  page,
}) => {
  const phone = newNumber();
  const { email } = await register(page, { phone, verify: true });
  const code = await readCode(phone);
  const skip = button(page, 'Continue without verifying');
  await expect(page.getByText(/No text\? (In|At) .+ you can continue without verifying\./)).toBeVisible();
  await expect(skip).toHaveCount(0);

  await letTimePass(phone, 60);
  await open(page, paths.code);
  await skip.click();
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'unverified');
  const [account] = await readAccounts(email);
  expect(account).toMatchObject({ phone, verified: false });
  expect(account!.activated_at).not.toBeNull();
  expect((await readEvents(phone)).at(-1)).toMatchObject({ event: 'skipped' });

  // The challenge has ended with it: the code of the text proves nothing any more.
  await open(page, paths.code);
  await expect(field(page, 'code')).toHaveCount(0);
  expect(code).toMatch(/^\d{6}$/);
});

test('the fourth code within the hour is refused with the moment of the next, and going on without is offered', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  for (const sends of [2, 3]) {
    // One that still waits to be sent would be the one that comes.
    await awaitTexts(phone, sends - 1);
    await letTimePass(phone, 30);
    await open(page, paths.code);
    await button(page, 'Send the code again').click();
    await expect(
      page.getByText(sends === 3 ? /You can ask for another code (in|at) / : '(1 left).'),
    ).toBeVisible();
  }
  await letTimePass(phone, 30);
  await open(page, paths.code);
  await expect(page.getByText(/You can ask for another code (in|at) [^(]+\./)).toBeVisible();
  const moment = await page
    .locator('form', { hasText: 'You can ask for another code' })
    .locator('time')
    .getAttribute('datetime');
  const minutes = (Date.parse(moment!) - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(57);
  expect(minutes).toBeLessThan(60);
  await expect(button(page, 'Continue without verifying')).toBeVisible();
  expect(await countCodeTexts(phone)).toBe(3);

  await letTimePass(phone, 3600);
  await open(page, paths.code);
  await button(page, 'Send a new code').click();
  await expect(field(page, 'code')).toBeVisible();
  await enterCode(page, await readCode(phone, 3));
  await expect(alertOf(page)).toContainText(
    'That is the code of an earlier text. Use the one in the newest text.',
  );
  await enterCode(page, await readCode(phone, 4));
  await expectPage(page, paths.dashboard);
});

test('a number at its limit still gets an account: the code page says when the next text is possible', async ({
  page,
  openBrowser,
}) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  for (const nth of [2, 3]) {
    await letTimePass(phone, 30);
    await open(page, paths.code);
    await button(page, 'Send the code again').click();
    await awaitTexts(phone, nth);
  }
  const second = await (await openBrowser()).newPage();
  await register(second, { phone, verify: true });
  await expect(field(second, 'code')).toHaveCount(0);
  await expect(second.getByText(/You can ask for another code (in|at) [^(]+\./)).toBeVisible();
  await expect(second.getByText('Other people asked for codes to this number')).toBeVisible();
  expect(await countCodeTexts(phone)).toBe(3);
  await expect(button(second, 'Continue without verifying')).toHaveClass(/primary/);
  await expect(button(second, 'Send a new code')).toHaveClass(/secondary/);
  await button(second, 'Continue without verifying').click();
  await expectPage(second, paths.dashboard);
});

test('a code over the budget is refused and says when one fits again, and going on without is offered', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await awaitTexts(phone, 1);
  const [{ minute } = { minute: new Date(0) }] = await readRows<{ minute: Date }>(
    `update sms_spend s set micros = 80000 from sms_messages m
     where m.phone = $1 and s.scope = any(m.spend_scopes) and s.scope like 'person:%'
       and s.minute = date_trunc('minute', m.reserved_at) returning s.minute`,
    [phone],
  );
  await letTimePass(phone, 30);
  await open(page, paths.code);
  await button(page, 'Send the code again').click();
  await expect(async () => {
    await open(page, paths.code);
    await expect(page.locator('[data-sms-status]')).toHaveAttribute('data-sms-status', 'failed');
  }).toPass();
  await expect(page.getByText('The limit for texts in 24 hours has been reached.')).toBeVisible();
  const moment = page.locator('form', { hasText: 'Send the code again' }).locator('time');
  // 24 hours, rounded up to the minute; a moment before it is still that of the pause between two codes.
  await expect
    .poll(async () => Date.parse((await moment.getAttribute('datetime')) ?? '') - minute.getTime())
    .toBe((24 * 60 + 1) * 60_000);
  await button(page, 'Continue without verifying').click();
  await expectPage(page, paths.dashboard);
});

test('a number that we do not serve is told with the rest; nothing but the password is typed again', async ({
  page,
  javaScriptEnabled,
}) => {
  const applicant = newApplicant();
  await open(page, paths.register);
  await fillRegistration(page, applicant, { phone: '+44 7700 900123', verify: true, consent: false });
  await button(page, 'Create account').click();
  await expect(page.locator('#tcpaConsent-error')).toHaveText(
    'We need your agreement to text you. Check “I agree to get texts at this number”, or uncheck the texts.',
  );
  if (javaScriptEnabled) {
    await field(page, 'tcpaConsent').check();
    await button(page, 'Create account').click();
  }
  await expect(page.locator('#phone-error')).toContainText('US and Canadian numbers only');
  await expect(field(page, 'email')).toHaveValue(applicant.email);
  await expect(field(page, 'verifyPhone')).toBeChecked();
});
