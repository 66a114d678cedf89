import { countCodeTexts, readAccounts } from '../support/database';
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
  signOut,
} from '../support/journeys';
import { readMailLink } from '../support/mails';
import { newApplicant, newNumber, writeNationally } from '../support/people';
import { expect, test } from '../support/test';
import { awaitTexts, readCode } from '../support/texts';

test('who signs out is out, and signs in again with the password', async ({ page }) => {
  const applicant = await register(page);
  await signOut(page);
  await page.goto(paths.dashboard);
  await expectPage(page, paths.signIn);
  await field(page, 'email').fill(applicant.email.toUpperCase());
  await field(page, 'password').fill(applicant.password);
  await button(page, 'Sign in').click();
  await expectPage(page, paths.dashboard);
  await page.goto(paths.signIn);
  await expectPage(page, paths.dashboard);
});

test('a wrong password and an unknown email are answered in the same words', async ({ page }) => {
  const applicant = await register(page);
  await signOut(page);
  const stranger = newApplicant();
  const answers: string[] = [];
  for (const email of [applicant.email, stranger.email]) {
    await signIn(page, { email, password: 'certainly another one' });
    await expect(alertOf(page)).toBeVisible();
    await expect(field(page, 'email')).toHaveValue(email);
    await expect(field(page, 'password')).toHaveValue('');
    answers.push(await page.locator('main').innerText());
  }
  expect(answers[1]).toBe(answers[0]);
  expect(answers[0]).toContain('This email and password do not match an account.');
});

test('a pending account with the right password leads to the code page and not inside', async ({
  page,
  openBrowser,
}) => {
  const phone = newNumber();
  const applicant = await register(page, { phone, verify: true });
  const code = await readCode(phone);

  const other = await (await openBrowser()).newPage();
  await signIn(other, applicant);
  await expectPage(other, paths.code);
  await other.goto(paths.dashboard);
  await expectPage(other, paths.code);
  await expect(other.getByText(writeNationally(phone))).toBeVisible();
  expect(await countCodeTexts(phone)).toBe(1);

  // Several browsers may hold one pending verification; the right code opens the account for the one that sent it.
  await enterCode(other, code);
  await expectPage(other, paths.dashboard);
  await page.goto(paths.dashboard);
  await expectPage(page, paths.signIn);
});

test('signing out ends a pending verification in this browser', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await signOut(page);
  await page.goto(paths.code);
  await expectPage(page, paths.signIn);
});

test('the code page without an account leads to the sign-in page', async ({ page }) => {
  await page.goto(paths.code);
  await expectPage(page, paths.signIn);
  await page.goto(paths.dashboard);
  await expectPage(page, paths.signIn);
});

test('a pending email is given to whoever reads mail there, and nothing of the old account lives on', async ({
  page,
  openBrowser,
}) => {
  const [phone, other] = [newNumber(), newNumber()];
  const first = await register(page, { phone, verify: true });
  const old = await readCode(phone);
  const [before] = await readAccounts(first.email);

  const second = { ...newApplicant(), email: first.email, name: 'Second Applicant' };
  const elsewhere = await (await openBrowser()).newPage();
  await open(elsewhere, paths.register);
  await fillRegistration(elsewhere, second, { phone: other, verify: true });
  await button(elsewhere, 'Create account').click();
  await expect(alertOf(elsewhere)).toContainText('nobody has confirmed that the email is theirs');
  // Until the link is followed, the first browser keeps what it has.
  await page.reload();
  await expectPage(page, paths.code);
  const link = await readMailLink(elsewhere, { to: first.email, subject: /Finish creating/ });
  await open(elsewhere, link);
  await field(elsewhere, 'name').fill(second.name);
  await field(elsewhere, 'password').fill(second.password);
  await field(elsewhere, 'phone').fill(other);
  await field(elsewhere, 'verifyPhone').check();
  await field(elsewhere, 'tcpaConsent').check();
  await button(elsewhere, 'Create account').click();
  await expectPage(elsewhere, paths.code);
  const [after, ...more] = await readAccounts(first.email);
  expect(more).toEqual([]);
  expect(after).toMatchObject({ name: second.name, phone: other, activated_at: null });
  expect(after!.id).not.toBe(before!.id);

  // The first browser's pending token and code have ended.
  await page.goto(paths.code);
  await expectPage(page, paths.signIn);
  await signIn(page, first);
  await expect(alertOf(page)).toContainText('do not match an account');

  const code = await readCode(other);
  if (old !== code) {
    await enterCode(elsewhere, old);
    await expect(elsewhere.locator('#code-error')).toBeVisible();
  }
  await enterCode(elsewhere, code);
  await expectPage(elsewhere, paths.dashboard);
});

test('registering an email that has an account says so and keeps what was typed, but not the password', async ({
  page,
  javaScriptEnabled,
}) => {
  const phone = newNumber();
  const { email } = await register(page);
  await signOut(page);

  const again = { ...newApplicant(), email: email.toUpperCase(), name: 'Someone Else' };
  await open(page, paths.register);
  await fillRegistration(page, again, { phone, verify: true });
  const answers: string[] = [];
  await page.route(paths.register, async (route) => {
    const response = await route.fetch();
    answers.push(await response.text());
    await route.fulfill({ response });
  });
  await button(page, 'Create account').click();
  await expect(page.locator('#email-error')).toHaveText('This email has an account.');
  await expect(alertOf(page)).toContainText('nobody has confirmed that the email is theirs');
  await expect(field(page, 'email')).toHaveValue(again.email);
  await expect(field(page, 'name')).toHaveValue(again.name);
  await expect(field(page, 'phone')).not.toHaveValue('');
  await expect(field(page, 'verifyPhone')).toBeChecked();
  await expect(field(page, 'smsOptIn')).not.toBeChecked();
  await expect(field(page, 'tcpaConsent')).toBeChecked();
  expect(answers.join()).toContain('This email has an account');
  expect(answers.join()).not.toContain(again.password);
  // With a script the page was never left, and what was typed stays where it was typed.
  if (!javaScriptEnabled) await expect(field(page, 'password')).toHaveValue('');
  expect(await page.content()).not.toContain(again.password);
  expect(await countCodeTexts(phone)).toBe(0);
  expect((await readAccounts(email))[0]).toMatchObject({ phone: null });
});

test('an account that is verified is not asked again', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await enterCode(page, await readCode(phone));
  await expectPage(page, paths.dashboard);
  await page.goto(paths.code);
  await expectPage(page, paths.dashboard);
  await page.goto(paths.register);
  await expectPage(page, paths.dashboard);
  expect(await awaitTexts(phone, 1)).toHaveLength(1);
});

test('the front page leads on from where this browser left off', async ({ page }) => {
  const phone = newNumber();
  await open(page, paths.home);
  await expect(page.getByRole('link', { name: 'Create account' })).toBeVisible();
  await register(page, { phone, verify: true });
  await open(page, paths.home);
  await expect(page.getByRole('link', { name: 'Create account' })).toHaveCount(0);
  await page.getByRole('link', { name: 'Continue verification' }).click();
  await expectPage(page, paths.code);
  await enterCode(page, await readCode(phone));
  await expectPage(page, paths.dashboard);
  await page.goto(paths.home);
  await expectPage(page, paths.dashboard);
});

test('a number that was entered before is formatted in its field', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone });
  await open(page, paths.code);
  await expect(field(page, 'phone')).toHaveValue(writeNationally(phone));
});

test('signing out works from a page that does not exist, too', async ({ page, faults }) => {
  faults.expect(/status of 404/);
  await register(page);
  await open(page, '/there/is/no/such/page');
  await signOut(page);
  await page.goto(paths.dashboard);
  await expectPage(page, paths.signIn);
});
