import {
  alertOf,
  button,
  expectPage,
  field,
  fillRegistration,
  open,
  paths,
  register,
  signIn,
  signOut,
} from '../support/journeys';
import { readRows } from '../support/database';
import { readMailLink } from '../support/mails';
import { newApplicant } from '../support/people';
import { registerVerified, settingsPaths } from '../support/settings';
import { expect, test } from '../support/test';

test.describe.configure({ timeout: 120_000 });

const confirm = /Confirm your email/;

test('someone who registers is asked to confirm the email, and the link of the mail does it', async ({
  page,
  openBrowser,
}) => {
  const applicant = await register(page);
  const notice = page.getByRole('main').getByText('Open the link in our email to');
  await expect(notice).toContainText(applicant.email);
  const mails = await (await openBrowser()).newPage();
  const link = await readMailLink(mails, { to: applicant.email, subject: confirm });

  // Whoever looks into the mail has confirmed nothing yet, and alone they cannot.
  await open(mails, link);
  await expect(mails.getByRole('heading', { level: 1 })).toHaveText('Confirm your email');
  await field(mails, 'currentPassword').fill('certainly another one');
  await button(mails, 'Confirm my email').click();
  await expect(alertOf(mails)).toContainText('This is not your password.');

  await open(page, link);
  await expect(field(page, 'currentPassword')).toHaveCount(0);
  await button(page, 'Confirm my email').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Your email is confirmed');
  expect(page.url()).not.toContain('link=');
  await open(page, paths.dashboard);
  await expect(notice).toHaveCount(0);

  await open(page, link);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('This link was used already');
});

test('the link can be sent again, until the hour’s mails are sent', async ({ page }) => {
  await register(page);
  for (const words of [/We have sent a link to/, /We have sent a link to/, /You can ask for another/]) {
    await button(page, 'Send the link again').click();
    await expect(page.locator('form').getByText(words)).toBeVisible();
    await open(page, paths.dashboard);
  }
});

test('someone whose email a stranger used closes that account, and then has one of their own', async ({
  page,
  openBrowser,
}) => {
  const squatter = await register(page);
  const owner = await (await openBrowser()).newPage();
  await open(owner, await readMailLink(owner, { to: squatter.email, subject: confirm }));
  await owner.getByText('I did not make this account').click();
  await button(owner, 'Close this account').click();
  await expect(owner.getByRole('heading', { level: 1 })).toHaveText('The account is closed');
  await open(page, paths.dashboard);
  await expectPage(page, paths.signIn);
  await open(owner, paths.register);
  await fillRegistration(owner, { ...newApplicant(), email: squatter.email });
  await button(owner, 'Create account').click();
  await expectPage(owner, paths.dashboard);
});

test('someone who registers an email that a stranger used before gets a link to an account of their own', async ({
  page,
  openBrowser,
}) => {
  const squatter = await register(page);
  const owner = await (await openBrowser()).newPage();
  const mine = { ...newApplicant(), email: squatter.email };
  await open(owner, paths.register);
  await fillRegistration(owner, mine);
  await button(owner, 'Create account').click();
  await expect(alertOf(owner)).toContainText('open the link that we have just sent to this address');
  const link = await readMailLink(owner, { to: squatter.email, subject: /Finish creating/ });
  await open(owner, link);
  await expect(owner.getByText('the earlier one with')).toContainText(squatter.email);
  await expect(field(owner, 'email')).toHaveValue(squatter.email);
  await expect(field(owner, 'email')).toHaveAttribute('readonly', '');
  await field(owner, 'name').fill(mine.name);
  await field(owner, 'password').fill(mine.password);
  await button(owner, 'Create account').click();
  await expectPage(owner, paths.dashboard);
  await expect(owner.getByText('Open the link in our email to')).toHaveCount(0);
  await open(page, paths.dashboard);
  await expectPage(page, paths.signIn);
});

test('a forgotten password is replaced by the link of a mail, and every browser is signed out', async ({
  page,
  openBrowser,
}) => {
  const applicant = await register(page);
  const browser = await openBrowser();
  const other = await browser.newPage();
  await open(other, paths.signIn);
  await other.getByRole('link', { name: 'Forgot your password?' }).click();
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('Forgot your password?');
  await field(other, 'email').fill(applicant.email);
  await button(other, 'Send me a link').click();
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('Check your email');
  await expect(other.getByText(`If there is an account with ${applicant.email},`)).toBeVisible();
  await other.getByRole('link', { name: 'Use another email' }).click();
  await expect(field(other, 'email')).toHaveValue('');
  const link = await readMailLink(other, { to: applicant.email, subject: /Reset your/ });
  await open(other, link);
  await field(other, 'newPassword').fill('password123');
  await button(other, 'Change password').click();
  await expect(alertOf(other)).toContainText('easy to guess');
  await field(other, 'newPassword').fill('amber lantern orchard');
  await button(other, 'Change password').click();
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('Your password is changed');
  await open(page, paths.dashboard);
  await expectPage(page, paths.signIn);
  await signIn(page, { email: applicant.email, password: 'amber lantern orchard' });
  await expectPage(page, paths.dashboard);
  await signOut(page);
});

test('who resets a password before their email was confirmed is told that their phone is taken off', async ({
  page,
  openBrowser,
}) => {
  const { applicant } = await registerVerified(page, { updates: true });
  const other = await (await openBrowser()).newPage();
  await open(other, '/users/forgot-password');
  await field(other, 'email').fill(applicant.email);
  await button(other, 'Send me a link').click();
  await open(other, await readMailLink(other, { to: applicant.email, subject: /Reset your/ }));
  await expect(other.getByText('Your phone number will be taken off the account')).toBeVisible();
  const password = 'amber lantern orchard';
  await field(other, 'newPassword').fill(password);
  await button(other, 'Change password').click();
  await expect(other.getByText('we took the phone number off your account')).toBeVisible();
  await other.getByRole('link', { name: 'Sign in' }).click();
  await expectPage(other, paths.signIn);
  await expect(field(other, 'email')).toHaveValue(applicant.email);
  await field(other, 'password').fill(password);
  await button(other, 'Sign in').click();
  await expectPage(other, paths.dashboard);
  await expect(other.getByText('that took off any phone number that was on the account')).toBeVisible();
  await other.getByRole('link', { name: 'Add my phone' }).click();
  await expectPage(other, settingsPaths.preferences);
});

test('an address without an account gets the same answer, and no mail', async ({ page }) => {
  const { email } = newApplicant();
  await open(page, '/users/forgot-password');
  await field(page, 'email').fill(email);
  await button(page, 'Send me a link').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Check your email');
  await expect
    .poll(() => readRows('select reason from mails where to_address = $1', [email]))
    .toEqual([{ reason: 'no_account' }]);
  await page.goto('/dev/mail');
  await expect(page.getByText(email)).toHaveCount(0);
});

test('a link that is made up leads to words, and nothing else', async ({ page }) => {
  for (const path of ['/users/confirm-email', '/users/reset-password']) {
    for (const token of ['', 'x', `${'A'.repeat(22)}.${'A'.repeat(43)}`]) {
      await open(page, `${path}?link=${token}`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('This link is not complete');
    }
  }
});
