import { applicationPaths, moveAsStaff, statusOf, writeApplication } from '../support/applications';
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

test('what was typed and not saved is put back after a look at another page and after a reload, until it is saved', async ({
  page,
}) => {
  await register(page);
  await open(page, applicationPaths.start);
  await field(page, 'title').fill('A home');
  await field(page, 'message').fill('Long thought about.');
  await page.getByRole('link', { name: 'Dashboard' }).click();
  await expectPage(page, paths.dashboard);
  await page.goBack();
  await expectPage(page, applicationPaths.start);
  const kept = page.getByRole('status').filter({ hasText: 'We kept what you typed' });
  await expect(kept).toBeVisible();
  await expect(field(page, 'title')).toHaveValue('A home');
  await page.reload();
  await expect(kept).toBeVisible();
  await expect(field(page, 'title')).toHaveValue('A home');
  await expect(field(page, 'message')).toHaveValue('Long thought about.');
  await button(page, 'Save draft').click();
  await expect(statusOf(page)).toHaveAttribute('data-application-status', 'draft');
  const draft = new URL(page.url()).pathname;
  await open(page, applicationPaths.start);
  await expect(kept).toHaveCount(0);
  await expect(field(page, 'title')).toHaveValue('');

  // The same for a draft that is there already; what is discarded gives way to what was saved.
  await open(page, draft);
  await field(page, 'message').fill('Thought about again.');
  await open(page, draft);
  await expect(kept).toBeVisible();
  await expect(field(page, 'message')).toHaveValue('Thought about again.');
  await button(page, 'Discard what I typed').click();
  await expect(kept).toHaveCount(0);
  await expect(field(page, 'title')).toBeFocused();
  await expect(field(page, 'message')).toHaveValue('Long thought about.');
  await open(page, draft);
  await expect(kept).toHaveCount(0);

  await field(page, 'message').fill('Thought about once more.');
  await open(page, draft);
  await button(page, 'Submit application').click();
  await expect(statusOf(page)).toHaveAttribute('data-application-status', 'submitted');
  await expect(page.getByText('Thought about once more.')).toBeVisible();
  expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual([]);
});

test('what was put back does not overwrite what was saved in another tab meanwhile', async ({ page }) => {
  await register(page);
  const id = await writeApplication(page, { title: 'First' }, 'Save draft');
  await field(page, 'title').fill('Typed here');
  const other = await page.context().newPage();
  await open(other, `/applications/${id}`);
  await field(other, 'title').fill('Saved there');
  await button(other, 'Save draft').click();
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('Saved there');
  await open(page, `/applications/${id}`);
  await expect(field(page, 'title')).toHaveValue('Typed here');
  await button(page, 'Save draft').click();
  await expect(alertOf(page)).toContainText('Not saved: this draft was changed in the meantime');
  await expect(field(page, 'title')).toHaveValue('Typed here');
});

test('an answer that was typed and not sent is put back, and gone for whoever signs in after signing out', async ({
  page,
}) => {
  const applicant = await register(page);
  const id = await writeApplication(page, { title: 'A home' }, 'Submit application');
  await moveAsStaff(id, 'documents_needed', { note: 'A letter.' });
  await open(page, `/applications/${id}`);
  await field(page, 'note').fill('On its way.');
  await open(page, `/applications/${id}`);
  await expect(field(page, 'note')).toHaveValue('On its way.');
  await signOut(page);
  expect(await page.evaluate(() => Object.keys(sessionStorage))).toEqual([]);
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
  await open(page, `/applications/${id}`);
  await expect(field(page, 'note')).toHaveValue('');
});
