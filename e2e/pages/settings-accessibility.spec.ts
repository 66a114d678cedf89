import { expectAccessible } from '../support/accessibility';
import { alertOf, button, field, open, paths, register } from '../support/journeys';
import { newNumber } from '../support/people';
import { awaitText, formWith, registerVerified, settingsPaths } from '../support/settings';
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
  await button(page, 'Save').click();
  await expect(formWith(page, 'Save')).toContainText('Saved');
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
  faults,
}) => {
  // The code page asks once more when it is left.
  faults.expect(/404 .*verify-phone\/status/);
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
  await expect(page.getByText('This number has opted out of our texts')).toBeVisible();
  await expectAccessible(page);
});
