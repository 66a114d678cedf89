import type { BrowserContext } from 'playwright/test';
import {
  alertOf,
  button,
  expectPage,
  field,
  open,
  paths,
  register,
  signIn,
  signOut,
} from '../support/journeys';
import { settingsPaths } from '../support/settings';
import { expect, test } from '../support/test';

// Passwords are slow to check on purpose, and here are a dozen of them.
test.describe.configure({ timeout: 120_000 });

const newPassword = 'amber lantern orchard';

async function readCookieNames(context: BrowserContext): Promise<string[]> {
  return (await context.cookies()).map(({ name }) => name).filter((name) => /session|known/.test(name));
}

test('a stranger who guesses at an account is told of the last tries and then waits; a browser that was in before is not kept out', async ({
  page,
  context,
  openBrowser,
}) => {
  const applicant = await register(page);
  await signOut(page);
  expect(await readCookieNames(context)).toEqual(['doorstep-known-browser']);
  const [mark] = (await context.cookies()).filter(({ name }) => name === 'doorstep-known-browser');
  expect(mark).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
  const daysLeft = (mark!.expires - Date.now() / 1000) / (24 * 3600);
  expect(daysLeft).toBeGreaterThan(179);
  expect(daysLeft).toBeLessThan(181);

  const stranger = await (await openBrowser()).newPage();
  for (const words of [
    /Check both and try again\.$/,
    /You have 3 tries left\. After that, you can try again in 1[45] minutes/,
    /You have 2 tries left\. .*Forgot your password\? Choose a new one/,
    /You have 1 try left\./,
    /That was the last try for now\. You can try again in 1[45] minutes/,
    /^.*Too many wrong passwords\..*signed in before may let you in sooner/,
  ]) {
    await signIn(stranger, { email: applicant.email, password: 'certainly another one' });
    await expect(alertOf(stranger)).toContainText(words);
  }
  // Before the wait, and in it, a link leads on, with the email in it for nobody to read.
  await alertOf(stranger).getByRole('link', { name: 'Forgot your password?' }).click();
  await expectPage(stranger, '/users/forgot-password');
  expect(stranger.url()).not.toContain(applicant.email.split('@')[0]);
  await expect(field(stranger, 'email')).toHaveValue(applicant.email);
  await signIn(stranger, applicant);
  await expect(alertOf(stranger)).toContainText('Too many wrong passwords.');

  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);

  // Someone signed in is not kept from what asks for the password again, either …
  await open(page, settingsPaths.security);
  await field(page, 'currentPassword').fill(applicant.password);
  await field(page, 'newPassword').fill(newPassword);
  await button(page, 'Change password').click();
  await expect(page.getByText('Your password has been changed.')).toBeVisible();

  // … and the browser in which it was changed is known by the new one.
  await signOut(page);
  await signIn(page, { ...applicant, password: newPassword });
  await expectPage(page, paths.dashboard);
  await signIn(stranger, { ...applicant, password: newPassword });
  await expect(alertOf(stranger)).toContainText('Too many wrong passwords.');
});
