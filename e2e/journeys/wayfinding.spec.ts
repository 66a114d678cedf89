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
  signOut,
} from '../support/journeys';
import { forgetAddress } from '../support/database';
import { newApplicant, newNumber } from '../support/people';
import { expect, test } from '../support/test';
import { readCode } from '../support/texts';

test('addresses that people know from other sites lead where they mean', async ({ page }) => {
  for (const [typed, path] of [
    ['/login', paths.signIn],
    ['/register', paths.register],
    ['/users/register', paths.register],
    ['/account', paths.signIn],
    ['/users', paths.signIn],
  ] as const) {
    await page.goto(typed);
    await expectPage(page, path);
  }
  await page.goto('/settings');
  await expectPage(page, paths.signIn);
  expect(new URL(page.url()).searchParams.get('next')).toBe('/users/sms-preferences');
  await register(page);
  for (const [typed, path] of [
    ['/settings', '/users/sms-preferences'],
    ['/preferences', '/users/sms-preferences'],
    ['/account', '/users/profile'],
    ['/users', paths.dashboard],
    ['/.well-known/change-password', '/users/security'],
  ] as const) {
    await page.goto(typed);
    await expectPage(page, path);
  }
  await signOut(page);
  await expect(page.getByRole('status').filter({ hasText: 'You are signed out.' })).toBeVisible();
});

test('who has an account to finish is led on to it: from pages inside, and from the form', async ({
  page,
}) => {
  await register(page, { phone: newNumber(), verify: true });
  await page.goto(paths.dashboard);
  await expectPage(page, paths.code);
  await open(page, paths.register);
  await page.getByRole('link', { name: 'Continue verification' }).click();
  await expectPage(page, paths.code);
  await expect(field(page, 'code')).toBeVisible();
});

test('an email that has an account leads to sign-in with it filled in, and is not in the address', async ({
  page,
}) => {
  const applicant = newApplicant();
  await register(page, {}, applicant);
  await signOut(page);
  await forgetAddress();
  await open(page, paths.register);
  await fillRegistration(page, applicant);
  await button(page, 'Create account').click();
  await expect(alertOf(page)).toContainText('If you made it, sign in.');
  await expect(alertOf(page).getByRole('link')).toHaveText(['Sign in with this email']);
  await page.getByRole('link', { name: 'Sign in with this email' }).click();
  await expectPage(page, paths.signIn);
  await expect(field(page, 'email')).toHaveValue(applicant.email);
  expect(decodeURIComponent(page.url())).not.toContain(applicant.email);
});

test('a first number in the preferences turns updates on by the same consent', async ({ page }) => {
  await register(page);
  const phone = newNumber();
  await open(page, '/users/sms-preferences');
  const form = page.locator('form', { has: page.locator('#first-phone') });
  await field(form, 'phone').fill(phone);
  await field(form, 'smsOptIn').check();
  await field(form, 'tcpaConsent').check();
  await button(form, 'Send the code to this number').click();
  await expectPage(page, paths.code);
  await enterCode(page, await readCode(phone));
  await expectPage(page, paths.dashboard);
  await expect(page.getByText('Phone verified').first()).toBeVisible();
  await open(page, '/users/sms-preferences');
  await expect(field(page, 'smsEnabled')).toBeChecked();
  await expect(button(page, 'Send me a test text')).toBeVisible();
});
