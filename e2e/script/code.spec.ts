import { countCodeTexts, letTimePass, readRows } from '../support/database';
import { button, expectPage, field, open, paths, register, signIn } from '../support/journeys';
import { newNumber } from '../support/people';
import { expect, test } from '../support/test';
import { readCode, wrongCode } from '../support/texts';

async function countWrongTries(phone: string): Promise<number> {
  const [row] = await readRows<{ tries: number }>(
    'select wrong_tries as tries from sms_verifications where phone = $1 order by created_at desc limit 1',
    [phone],
  );
  return row!.tries;
}

test('a code goes by itself with its sixth digit, and pasted with a space', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  const code = await readCode(phone);
  const wrong = wrongCode(code);
  await field(page, 'code').pressSequentially(wrong.slice(0, 5));
  expect(await countWrongTries(phone)).toBe(0);
  await field(page, 'code').pressSequentially(wrong.slice(5));
  await expect(page.locator('#code-error')).toContainText('You have 4 tries left.');
  await expect(field(page, 'code')).toBeFocused();
  // How many are left is said once.
  await expect(page.locator('#code-hint')).toHaveCount(0);
  // Pressed out of habit, just after the digits have sent themselves.
  await button(page, 'Verify').click();
  await expect(page.locator('#code-error')).toContainText('You have 4 tries left.');
  expect(await countWrongTries(phone)).toBe(1);

  await field(page, 'code').evaluate(
    (input: HTMLInputElement, pasted) => {
      input.select();
      document.execCommand('insertText', false, pasted);
    },
    `${code.slice(0, 3)} ${code.slice(3)}`,
  );
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state="verified"]')).toBeVisible();
});

test('after the last try the focus is on what happened, and what to do next', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  const code = Number(await readCode(phone));
  for (let tries = 1; tries <= 5; tries += 1) {
    await field(page, 'code').fill(String((code + tries) % 1_000_000).padStart(6, '0'));
    if (tries < 5) await expect(page.locator('#code-error')).toContainText(`${5 - tries} tr`);
  }
  const said = page.getByRole('alert').filter({ hasText: 'You need a new code' });
  await expect(said).toBeFocused();
  await expect(said).toContainText('Five wrong codes were entered');
  await expect(button(page, 'Send a new code')).toBeVisible();
});

test('a number that no text reaches is offered no code, and another one at once', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await readCode(phone);
  await readRows('update phone_numbers set undeliverable_at = now() where number = $1 returning 1', [phone]);
  await readRows('update sms_verifications set expires_at = now() where phone = $1 returning 1', [phone]);
  await open(page, paths.code);
  await expect(page.getByText('This number cannot receive texts')).toBeVisible();
  await expect(button(page, 'Send a new code')).toHaveCount(0);
  await expect(field(page, 'phone')).toBeVisible();
});

test('the page says by itself that the text was sent, and offers to go on without when it is time', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await expect(page.locator('[data-sms-status]')).toHaveAttribute('data-sms-status', 'sent');
  await expect(button(page, 'Continue without verifying')).toHaveCount(0);
  await letTimePass(phone, 60);
  await expect(button(page, 'Continue without verifying')).toBeVisible();
});

test('a page whose verification was finished elsewhere leads on by itself', async ({ page, openBrowser }) => {
  const phone = newNumber();
  const applicant = await register(page, { phone, verify: true });
  const elsewhere = await (await openBrowser()).newPage();
  await signIn(elsewhere, applicant);
  await expectPage(elsewhere, paths.code);
  await field(elsewhere, 'code').fill(await readCode(phone));
  await expectPage(elsewhere, paths.dashboard);
  await expectPage(page, paths.signIn);
});

test('the time until the code may be sent again counts down', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  const left = page.locator('form', { hasText: 'Send the code again' }).locator('time');
  const readSeconds = async (): Promise<number> => Number(/(\d+) second/.exec(await left.innerText())?.[1]);
  const first = await readSeconds();
  expect(first).toBeLessThanOrEqual(30);
  expect(first).toBeGreaterThan(0);
  await expect.poll(readSeconds).toBeLessThan(first);
});

test('a double click on "Send the code again" sends one text, and on "Verify" spends one try', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  const code = await readCode(phone);
  await letTimePass(phone, 30);
  await open(page, paths.code);
  await button(page, 'Send the code again').dblclick();
  await expect(page.getByText('(1 left).')).toBeVisible();
  expect(await countCodeTexts(phone)).toBe(2);

  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await field(page, 'code').fill(wrongCode(code));
  await button(page, 'Verify').dblclick();
  await answered;
  await expect(page.locator('#code-error')).toContainText('You have 4 tries left.');
  expect(await countWrongTries(phone)).toBe(1);
});

test.describe('where the browser reads the code from the text (WebOTP)', () => {
  type Stub = { otp: { options: CredentialRequestOptions; give: (code: string) => void }[] };

  test.beforeEach(async ({ page }) => {
    await page.addInitScript(() => {
      const stub = window as unknown as Stub;
      stub.otp = [];
      Object.assign(window, { OTPCredential: class {} });
      navigator.credentials.get = (options) =>
        new Promise((resolve, reject) => {
          const give = (code: string) => resolve({ id: '', type: 'otp', code } as unknown as Credential);
          stub.otp.push({ options: options!, give });
          options?.signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
        });
    });
  });

  test('the page asks for it and sends it', async ({ page }) => {
    const phone = newNumber();
    await register(page, { phone, verify: true });
    const code = await readCode(phone);
    await page.waitForFunction(() => (window as unknown as Stub).otp.length > 0);
    expect(await page.evaluate(() => (window as unknown as Stub).otp[0]!.options)).toMatchObject({
      otp: { transport: ['sms'] },
    });
    await page.evaluate((given) => (window as unknown as Stub).otp.at(-1)!.give(given), code);
    await expectPage(page, paths.dashboard);
  });

  test('it stops asking when the code is typed instead', async ({ page }) => {
    const phone = newNumber();
    await register(page, { phone, verify: true });
    const code = await readCode(phone);
    await page.waitForFunction(() => (window as unknown as Stub).otp.length > 0);
    await field(page, 'code').fill(code);
    await page.waitForFunction(() =>
      ((window as unknown as Stub).otp ?? []).every(({ options }) => options.signal?.aborted),
    );
    await expectPage(page, paths.dashboard);
  });
});
