import { expectAccessible } from '../support/accessibility';
import {
  alertOf,
  button,
  enterCode,
  expectPage,
  field,
  open,
  paths,
  register,
  signIn,
  signOut,
} from '../support/journeys';
import { giveAuthenticator } from '../support/passkeys';
import { newNumber } from '../support/people';
import { awaitText, formWith, registerVerified, settingsPaths } from '../support/settings';
import { AuthenticatorApp, giveSecondStep, makePerson, twoFactorPaths } from '../support/staff';
import { expect, test } from '../support/test';
import { awaitTexts } from '../support/texts';

const { preferences, record, security, deletion, deleted, devPhone } = settingsPaths;

// Colours that fade would be measured half way.
test.use({ contextOptions: { reducedMotion: 'reduce' } });

test('the preferences are accessible without a phone, and with errors in their forms', async ({ page }) => {
  await register(page);
  await open(page, preferences);
  await expectAccessible(page);
  await button(page, 'Send the code to this number').click();
  await expect(alertOf(page)).toBeVisible();
  await field(page, 'timeZone').fill('Atlantis/Capital');
  await button(page, 'Save quiet hours').click();
  await expect(alertOf(page)).toHaveCount(2);
  await page.getByText('Which texts come through anyway?').click();
  await expectAccessible(page);
});

test('the preferences are accessible with a verified phone, with all their forms open, and after saving', async ({
  page,
}) => {
  const { phone } = await registerVerified(page, { updates: true });
  await awaitText(phone, 'update');
  await open(page, preferences);
  await button(page, 'Save text updates').click();
  await expect(formWith(page, 'Save text updates')).toContainText('Saved');
  await page.getByText('Change my number').click();
  await page.getByText('Remove my number').click();
  await button(page, 'Remove this number').click();
  await expect(page.locator('#remove-currentPassword-error')).toBeVisible();
  await button(page, 'Send the code to this number').click();
  await expect(page.locator('#change-currentPassword-error')).toBeVisible();
  await expectAccessible(page);
  await open(page, record);
  await expectAccessible(page);
});

test('the security page and the deletion of the account are accessible, with errors too', async ({
  page,
}) => {
  const { applicant } = await registerVerified(page);
  await open(page, security);
  await expectAccessible(page);
  await button(page, 'Change password').click();
  await expect(page.locator('#password-newPassword-error')).toBeVisible();
  await expectAccessible(page);
  await open(page, deletion);
  await expectAccessible(page);
  await button(page, 'Delete my account').click();
  await expect(page.locator('#currentPassword-error')).toBeVisible();
  await expectAccessible(page);
  await field(page, 'confirmDelete').check();
  await field(page, 'currentPassword').fill(applicant.password);
  await button(page, 'Delete my account').click();
  await page.waitForURL((url) => url.pathname === deleted);
  await expectAccessible(page);
});

test('the development phone is accessible, and so are the pages of a number that texted STOP', async ({
  page,
}) => {
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await awaitTexts(phone, 1);
  const handset = await page.context().newPage();
  await open(handset, `${devPhone}?number=${phone.slice(1)}`);
  await expectAccessible(handset);
  await handset.locator('summary', { hasText: 'Report' }).click();
  await expectAccessible(handset);
  await handset.locator('button[name="outcome"][value="30007"]').click();
  await expect(handset.getByText('Failed · 30007')).toBeVisible();
  await button(handset, 'STOP').click();
  await expect(handset.getByText('Opted out: texts are kept')).toBeVisible();
  await expectAccessible(handset);
  await expect(page.locator('[data-sms-status="stopped"]')).toBeVisible();
  await expectAccessible(page);
  await button(page, 'Continue without verifying').click();
  await page.waitForURL((url) => url.pathname === paths.dashboard);
  await open(page, preferences);
  await expect(page.getByText('Texts are stopped: this number replied STOP')).toBeVisible();
  await expectAccessible(page);
});

test('the pages of two-step sign-in are accessible, with all that they can show, and with errors', async ({
  page,
}) => {
  const person = await makePerson('broker', { app: false });
  await signIn(page, person);
  await expectPage(page, twoFactorPaths.factors);
  await expectAccessible(page);
  await button(page, 'Set up an authenticator app').click();
  await expect(page.locator('[data-totp-key]')).toBeVisible();
  await enterCode(page, '000000', 'Turn on');
  await expect(page.locator('#totp-code-error')).toBeVisible();
  await expectAccessible(page);
  const key = await page.locator('[data-totp-key]').getAttribute('data-totp-key');
  const app = new AuthenticatorApp(key!);
  await enterCode(page, app.nextCode(), 'Turn on');
  await expect(page.getByText('Your authenticator app is set up.')).toBeVisible();
  await button(page, 'Make recovery codes').click();
  const codes = page.locator('[data-recovery-codes] li');
  await expect(codes).toHaveCount(10);
  await expectAccessible(page);
  await field(page, 'recoveryCode').fill((await codes.first().textContent())!);
  await button(page, 'I saved them').click();
  await expect(page.getByText('Your recovery codes count from now on.')).toBeVisible();
  await signOut(page);

  await signIn(page, person);
  await expectPage(page, twoFactorPaths.secondStep);
  await page.locator('summary', { hasText: 'Use a recovery code' }).click();
  await expectAccessible(page);
  await giveSecondStep(page, '000000');
  await expect(page.locator('#code-error')).toBeVisible();
  await expectAccessible(page);
  await giveSecondStep(page, app.nextCode(), { trust: true });
  await expectPage(page, paths.dashboard);
  await open(page, twoFactorPaths.factors);
  await expect(page.getByRole('heading', { name: 'Trusted browsers' })).toBeVisible();
  await expectAccessible(page);
  await open(page, twoFactorPaths.confirm);
  await expectAccessible(page);
  await open(page, '/users/enroll?link=x');
  await expectAccessible(page);
});

test('the offer of a passkey, the confirmation by a password, and a passkey in the list are accessible', async ({
  page,
}) => {
  await giveAuthenticator(page);
  await registerVerified(page);
  await expect(button(page, 'Not now')).toBeVisible();
  await expectAccessible(page);
  await button(page, 'Add a passkey').click();
  await expect(page.getByText('Your passkey was added.')).toBeVisible();
  await expectAccessible(page);
  await open(page, twoFactorPaths.factors);
  await expectAccessible(page);
  await open(page, twoFactorPaths.confirm);
  await button(page, 'Confirm').click();
  await expect(page.locator('#currentPassword-error')).toBeVisible();
  await expectAccessible(page);
});
