import { expectAccessible } from '../support/accessibility';
import { letTimePass } from '../support/database';
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
import { newApplicant, newNumber } from '../support/people';
import { expect, test } from '../support/test';
import { readCode, wrongCode } from '../support/texts';

// Colours that fade would be measured half way.
test.use({ contextOptions: { reducedMotion: 'reduce' } });

for (const path of [paths.home, paths.register, paths.signIn, paths.terms, paths.privacy]) {
  test(`${path} is accessible`, async ({ page }) => {
    await open(page, path);
    await expectAccessible(page);
  });
}

test('a page that does not exist is accessible', async ({ page, faults }) => {
  faults.expect(/status of 404/);
  await open(page, '/there/is/no/such/page');
  await expectAccessible(page);
});

test('the registration page is accessible with errors', async ({ page }) => {
  await open(page, paths.register);
  await fillRegistration(
    page,
    { ...newApplicant(), email: 'alex', password: 'short' },
    { verify: true, consent: false },
  );
  await button(page, 'Create account').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('the sign-in page is accessible with an error', async ({ page }) => {
  await signIn(page, newApplicant());
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('the code page is accessible in all its states', async ({ page }) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await expect(page.locator('[data-sms-status="sent"]')).toBeVisible();
  await expectAccessible(page);

  const code = await readCode(phone);
  await enterCode(page, wrongCode(code));
  await expect(page.locator('#code-error')).toBeVisible();
  await expectAccessible(page);

  await page.getByText('Change number').click();
  await button(page, 'Send the code to this number').click();
  await expect(page.locator('#other-tcpaConsent-error')).toBeVisible();
  await expectAccessible(page);

  // Expired, and long enough ago for everything to be offered.
  await letTimePass(phone, 601);
  await open(page, paths.code);
  await expect(button(page, 'Continue without verifying')).toBeVisible();
  await expectAccessible(page);
});

test('the dashboard is accessible without a phone, with one, and with a verified one', async ({ page }) => {
  await register(page);
  await expectAccessible(page);
  await open(page, paths.code);
  await expectAccessible(page);
  const phone = newNumber();
  await field(page, 'phone').fill(phone);
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expect(field(page, 'code')).toBeVisible();
  const code = await readCode(phone);
  await open(page, paths.dashboard);
  await expect(page.locator('[data-phone-state="unverified"]')).toBeVisible();
  await expectAccessible(page);
  await open(page, paths.code);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  await expectAccessible(page);
});
