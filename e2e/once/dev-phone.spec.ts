import type { Page } from 'playwright/test';
import { letTimePass, readAccounts, readRows } from '../support/database';
import {
  awaitScript,
  button,
  enterCode,
  expectPage,
  field,
  open,
  paths,
  register,
} from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { readConsents, registerVerified, settingsPaths } from '../support/settings';
import { expect, test } from '../support/test';
import { awaitTexts, readCode, readTexts } from '../support/texts';

const { preferences, devPhone } = settingsPaths;
const textsUrl = `${devPhone}/texts`;

/** What the status asks for must be there in 5 seconds, whatever else the tests wait for. */
const soon = { timeout: 5_000 };

const status = (page: Page) => page.locator('[data-sms-status]');

async function openHandset(page: Page, phone: string): Promise<void> {
  await open(page, `${devPhone}?number=${phone.slice(1)}`);
  await expect(page.getByText(`on ${writeNationally(phone)}`)).toBeVisible();
}

/** Someone on the code page whose text is out, and their handset beside it. */
async function registerWithHandset(
  page: Page,
): Promise<{ phone: string; code: string; email: string; handset: Page }> {
  const phone = newNumber();
  const { email } = await register(page, { phone, verify: true });
  const code = await readCode(phone);
  const handset = await page.context().newPage();
  await openHandset(handset, phone);
  return { phone, code, email, handset };
}

/** Reports about the one text that nothing is reported about yet. */
async function report(handset: Page, outcome: string): Promise<void> {
  const waiting = handset.locator('summary', { hasText: 'Report' });
  await expect(waiting).toHaveCount(1);
  await waiting.click();
  await handset.locator(`button[name="outcome"][value="${outcome}"]`).click();
}

async function isStopped(phone: string): Promise<boolean> {
  const rows = await readRows('select 1 from phone_numbers where number = $1 and suppressed_at is not null', [
    phone,
  ]);
  return rows.length === 1;
}

test('texts arrive on the handset by themselves, with the code to copy while it can still be right', async ({
  page,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const { phone, code, handset } = await registerWithHandset(page);
  await expect(handset.getByText('is your Doorstep code.')).toHaveCount(1);
  await button(handset, `Copy the code ${code}`).click();
  await expect(handset.getByText('Copied')).toBeVisible();
  expect(await handset.evaluate(() => navigator.clipboard.readText())).toBe(code);

  await letTimePass(phone, 30);
  await open(page, paths.code);
  await button(page, 'Send the code again').click();
  await awaitTexts(phone, 2);
  await expect(handset.getByText('is your Doorstep code.')).toHaveCount(2, soon);

  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  await expect(handset.getByText('••••••').first()).toBeVisible(soon);
  await expect(handset.getByText(code)).toHaveCount(0);
});

test('after STOP the code page says so; after START it goes on by itself, and the code leads inside', async ({
  page,
}) => {
  const { phone, email, handset } = await registerWithHandset(page);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'sent');
  await button(handset, 'STOP').click();
  await expect(handset.getByText('Opted out: texts are kept from this number')).toBeVisible();
  await expect(handset.getByText('You have successfully been unsubscribed.')).toBeVisible();
  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped', soon);
  await expect(status(page)).toContainText('text START');
  await expect(button(page, 'Continue without verifying')).toBeVisible();
  expect(await readConsents(phone)).toEqual([
    'granted verification by registration',
    'withdrawn verification by sms_stop',
  ]);

  await letTimePass(phone, 30);
  await open(page, paths.code);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped');
  await expect(button(page, 'Send the code again')).toHaveCount(0);
  expect(readTexts(phone)).toHaveLength(1);

  await button(handset, 'START').click();
  await expect(handset.getByText('You have successfully been re-subscribed')).toBeVisible();
  await expect(status(page)).toHaveAttribute('data-sms-status', 'sent', soon);
  const code = await readCode(phone, 2);
  await expect(handset.getByText(code).first()).toBeVisible(soon);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  expect((await readAccounts(email))[0]).toMatchObject({ phone, verified: true });
});

test('STOP in plain words is obeyed and confirmed once; other words are kept and change nothing', async ({
  page,
}) => {
  const { phone, handset } = await registerWithHandset(page);
  const write = async (words: string) => {
    await handset.getByLabel('Text message').fill(words);
    await button(handset, 'Send').click();
    // The text can be in the thread before its form has been answered and emptied.
    await expect(handset.getByLabel('Text message')).toHaveValue('');
    await expect(handset.getByText(words, { exact: true }).last()).toBeVisible();
  };
  await write('When will you decide?');
  expect(await isStopped(phone)).toBe(false);
  await write('please stop texting me');
  await expect(handset.getByText('you have opted out and will get no more texts')).toHaveCount(1);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped', soon);
  expect(await isStopped(phone)).toBe(true);
  await write('no more');
  await expect(handset.getByText('you have opted out and will get no more texts')).toHaveCount(1);
});

test('what the carrier reports is on the code page within five seconds; the code may be sent again', async ({
  page,
}) => {
  const { phone, handset } = await registerWithHandset(page);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'sent');
  await expect(button(page, 'Continue without verifying')).toHaveCount(0);
  // This error may pass, so the text is sent again once by itself.
  await report(handset, '30008');
  await awaitTexts(phone, 2);
  await report(handset, '30008');
  await expect(handset.getByText('Failed · 30008')).toHaveCount(2);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'failed', soon);
  await expect(button(page, 'Continue without verifying')).toBeVisible();

  await letTimePass(phone, 30);
  await open(page, paths.code);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'failed');
  await button(page, 'Send the code again').click();
  await awaitTexts(phone, 3);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'sent', soon);
  await report(handset, 'delivered');
  await expect(handset.getByText('Delivered', { exact: true })).toHaveCount(1);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'delivered', soon);
  await expect(button(page, 'Continue without verifying')).toHaveCount(0);
  await expect(page.getByText('you can continue without verifying.')).toBeVisible();
});

test('a STOP after the text was delivered is on the code page as well', async ({ page }) => {
  const { code, handset } = await registerWithHandset(page);
  await report(handset, 'delivered');
  await expect(status(page)).toHaveAttribute('data-sms-status', 'delivered', soon);
  await button(handset, 'STOP').click();
  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped');
  await expect(status(page)).toContainText('text START');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Enter the code if you have it');
  await expect(page.getByText('No new code comes to this number.')).toBeVisible();
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');
});

test('an error that may pass is tried again by itself; when it comes again it is final and says what to do', async ({
  page,
}) => {
  const { phone, code, handset } = await registerWithHandset(page);
  await report(handset, '30008');
  await expect(handset.getByText('Failed · 30008')).toHaveCount(1);
  await expect(status(page)).not.toHaveAttribute('data-sms-status', 'failed');
  expect(await readCode(phone, 2)).toBe(code);
  await report(handset, '30008');
  await expect(handset.getByText('Failed · 30008')).toHaveCount(2);
  await expect(status(page)).toHaveAttribute('data-sms-status', 'failed', soon);
  await expect(status(page)).toContainText(
    'Send the code again, use another number, or continue without verifying.',
  );
  await expect(button(page, 'Continue without verifying')).toBeVisible();
  // A text reported as lost may have arrived all the same.
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
});

for (const { code, words } of [
  {
    code: '30005',
    words: 'This number cannot receive texts. Use another number, or continue without verifying.',
  },
  {
    code: '30006',
    words: 'This number cannot receive texts. Use another number, or continue without verifying.',
  },
  { code: '30007', words: 'The carrier blocked the text. Use another number' },
]) {
  test(`error ${code} tells what to do next, and the account opens without the phone`, async ({ page }) => {
    const { email, phone, handset } = await registerWithHandset(page);
    await report(handset, code);
    await expect(status(page)).toHaveAttribute('data-sms-status', 'failed', soon);
    await expect(status(page)).toContainText(words);
    await button(page, 'Continue without verifying').click();
    await expectPage(page, paths.dashboard);
    const [account] = await readAccounts(email);
    expect(account).toMatchObject({ phone, verified: false });
    expect(account!.activated_at).not.toBeNull();
  });
}

test('a carrier that reports an opt-out (21610) is taken at its word: the number is stopped', async ({
  page,
}) => {
  const { phone, handset } = await registerWithHandset(page);
  await report(handset, '21610');
  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped', soon);
  // No text has arrived, and none will: there is no code to enter.
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Verify your phone');
  await expect(field(page, 'code')).toHaveCount(0);
  await expect(field(page, 'phone')).toBeVisible();
  expect(await isStopped(phone)).toBe(true);
  expect((await readConsents(phone)).at(-1)).toBe('withdrawn verification by carrier_stop');
});

test('who is signed in and texted STOP is told so on the code page and in the preferences, with the way back', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, updates: true });
  await open(page, paths.code);
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expect(field(page, 'code')).toBeVisible();
  await awaitTexts(phone, 1);
  const handset = await page.context().newPage();
  await openHandset(handset, phone);
  await button(handset, 'STOP').click();
  await expect(handset.getByText('Opted out: texts are kept from this number')).toBeVisible();

  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped', soon);
  await page.reload();
  await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped');
  await expect(status(page)).toContainText('text START');
  await open(page, preferences);
  // One notice, with the number to text, and on the console the phone to text it from.
  await expect(page.getByText('replied STOP')).toHaveCount(1);
  await expect(page.getByText('Texts are stopped: this number replied STOP')).toBeVisible();
  await expect(page.getByRole('link', { name: '(555) 010-0000' })).toHaveAttribute(
    'href',
    'sms:+15550100000?&body=START',
  );
  await page.getByRole('link', { name: 'development phone' }).click();
  await expectPage(page, devPhone);
  await page.goBack();
  await expect(button(page, 'Verify this number')).toHaveCount(0);
});

test('for a verified number STOP ends the updates at once, the switch alone cannot undo it, and START does', async ({
  page,
}) => {
  const { phone } = await registerVerified(page, { updates: true });
  await awaitTexts(phone, 2);
  const handset = await page.context().newPage();
  await openHandset(handset, phone);
  await button(handset, 'STOP').click();
  await expect(handset.getByText('Opted out: texts are kept from this number')).toBeVisible();
  expect((await readConsents(phone)).slice(2).sort()).toEqual([
    'withdrawn updates by sms_stop',
    'withdrawn verification by sms_stop',
  ]);

  // The dashboard leads to what can be done: the START, or the switch where that is off.
  const change = page.getByRole('link', { name: 'Change text updates' });
  await open(page, '/dashboard');
  await expect(change).toHaveAttribute('href', `${preferences}#phone`);

  await open(page, preferences);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');
  await expect(page.getByText('Texts are stopped: this number replied STOP')).toBeVisible();
  await expect(button(page, 'Send me a test text')).toHaveCount(0);
  await expect(button(page, 'Turn all texts off')).toHaveCount(0);
  await field(page, 'smsEnabled').uncheck();
  await button(page, 'Save text updates').click();
  await expect(page.getByText('Saved: all texts are off')).toBeVisible();
  await open(page, '/dashboard');
  await expect(change).toHaveAttribute('href', `${preferences}#texts`);
  await open(page, preferences);
  await awaitScript(page);
  await field(page, 'smsEnabled').check();
  await button(page, 'Save text updates').click();
  await expect(page.locator('#smsEnabled-error')).toContainText('only a text from it can undo that');

  // START lifts the block and turns nothing on that its person has turned off.
  await button(handset, 'START').click();
  await expect(handset.getByText('Opted out: texts are kept')).toHaveCount(0);
  await open(page, preferences);
  await expect(page.getByText('Texts are stopped')).toHaveCount(0);
  await expect(field(page, 'smsEnabled')).not.toBeChecked();
  expect((await readConsents(phone)).at(-1)).toBe('resumed verification by sms_start');
});

test('START after STOP lets texts go out again to a verified number that had them on', async ({ page }) => {
  const { phone } = await registerVerified(page, { updates: true });
  await awaitTexts(phone, 2);
  const handset = await page.context().newPage();
  await openHandset(handset, phone);
  await button(handset, 'STOP').click();
  await expect(handset.getByText('Opted out: texts are kept from this number')).toBeVisible();
  await button(handset, 'START').click();
  await expect(handset.getByText('Opted out: texts are kept')).toHaveCount(0);
  await open(page, preferences);
  await button(page, 'Send me a test text').click();
  await expect(handset.getByText('this is the test text you asked for')).toBeVisible();
  expect((await readConsents(phone)).slice(-2).sort()).toEqual([
    'resumed updates by sms_start',
    'resumed verification by sms_start',
  ]);
});

test('to a request that came by way of a proxy there is no phone: not the page, not its texts, not its actions', async ({
  page,
  faults,
}) => {
  faults.expect(/status of 404/);
  const { phone, handset } = await registerWithHandset(page);
  for (const name of ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded']) {
    const headers = { [name]: name === 'forwarded' ? 'for=203.0.113.9' : '203.0.113.9' };
    for (const path of [devPhone, `${devPhone}/`, textsUrl, `${textsUrl}?number=${phone.slice(1)}`]) {
      const response = await page.request.get(path, { headers });
      expect(response.status(), `${path} with ${name}`).toBe(404);
      expect(await response.text()).not.toContain(phone.slice(-7));
    }
  }
  expect((await page.request.get(devPhone)).status()).toBe(200);
  expect((await page.request.get(textsUrl)).status()).toBe(200);

  await handset.setExtraHTTPHeaders({ 'x-forwarded-for': '203.0.113.9' });
  const answers = (): Promise<number> =>
    handset
      .waitForResponse((response) => response.request().method() === 'POST')
      .then((response) => response.status());
  const stopped = answers();
  await button(handset, 'STOP').click();
  expect(await stopped).toBe(404);
  expect(await isStopped(phone)).toBe(false);

  await handset.setExtraHTTPHeaders({});
  await openHandset(handset, phone);
  await handset.setExtraHTTPHeaders({ forwarded: 'for=203.0.113.9' });
  const reported = answers();
  await report(handset, '30005');
  expect(await reported).toBe(404);
  expect(await readRows('select status from sms_messages where phone = $1', [phone])).toEqual([
    { status: 'sent' },
  ]);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the handset answers and reports, the code page shows it under a link, and START brings the code', async ({
    page,
  }) => {
    const { phone, handset } = await registerWithHandset(page);
    const latest = page.getByRole('link', { name: 'Check again' });
    await report(handset, '30007');
    await expect(handset.getByText('Failed · 30007')).toBeVisible();
    await latest.click();
    await expect(status(page)).toHaveAttribute('data-sms-status', 'failed');

    await button(handset, 'STOP').click();
    await expect(handset.getByText('Opted out: texts are kept from this number')).toBeVisible();
    await latest.click();
    await expect(status(page)).toHaveAttribute('data-sms-status', 'stopped');
    await letTimePass(phone, 30);
    await button(handset, 'START').click();
    await expect(handset.getByText('Opted out: texts are kept')).toHaveCount(0);
    const code = await readCode(phone, 2);
    await latest.click();
    await expect(status(page)).toHaveAttribute('data-sms-status', 'sent');
    await enterCode(page, code);
    await expectPage(page, paths.dashboard);
  });

  test('to a request that came by way of a proxy its forms are not there either', async ({
    page,
    faults,
  }) => {
    faults.expect(/status of 404/);
    const { phone, handset } = await registerWithHandset(page);
    await handset.setExtraHTTPHeaders({ 'x-forwarded-for': '203.0.113.9' });
    const answer = handset.waitForResponse((response) => response.request().method() === 'POST');
    await button(handset, 'STOP').click();
    expect((await answer).status()).toBe(404);
    expect(await isStopped(phone)).toBe(false);
  });
});
