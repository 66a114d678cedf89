import { applicationPaths, statusOf } from '../support/applications';
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
import { expect, test } from '../support/test';

test('who was signed out in another tab loses nothing of an application, and sends it after signing in there', async ({
  page,
}) => {
  const applicant = await register(page);
  await open(page, applicationPaths.start);
  const other = await page.context().newPage();
  await open(other, paths.dashboard);
  await signOut(other);
  await field(page, 'title').fill('A home');
  await field(page, 'message').fill('Long thought about.');
  await button(page, 'Submit application').click();
  await expect(alertOf(page)).toContainText('You are no longer signed in.');
  await expect(field(page, 'message')).toHaveValue('Long thought about.');
  await signIn(other, applicant);
  await expectPage(other, paths.dashboard);
  await button(page, 'Submit application').click();
  await expect(statusOf(page)).toHaveAttribute('data-application-status', 'submitted');
  await expect(page.getByText('Long thought about.')).toBeVisible();
});
