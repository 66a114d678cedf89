import type { Page } from 'playwright/test';
import { expectAccessible } from '../support/accessibility';
import { applicationPaths, moveAsStaff, writeApplication } from '../support/applications';
import { alertOf, button, field, open, paths, register } from '../support/journeys';
import { expect, test } from '../support/test';

const { list, start } = applicationPaths;

// Colours that fade would be measured half way.
test.use({ contextOptions: { reducedMotion: 'reduce' } });

/** One word that is longer than the screen. */
const long = 'Home'.repeat(25);

test('an application is accessible while it is written, with errors, and in the lists', async ({ page }) => {
  await register(page);
  await open(page, list);
  await expectAccessible(page);
  await open(page, start);
  await expectAccessible(page);
  await button(page, 'Submit application').click();
  await expect(page.locator('#message-error')).toBeVisible();
  await expectAccessible(page);

  const id = await writeApplication(page, { title: long, message: 'x'.repeat(400) }, 'Save draft');
  await page.getByText('Delete this draft').click();
  await expectAccessible(page);
  await open(page, list);
  await expectAccessible(page);
  await moveAsStaff(await submitDraft(page, id), 'documents_needed', { note: 'Your lease.' });
  await open(page, paths.dashboard);
  await expectAccessible(page);
});

test('an application is accessible once it is submitted, with its forms open, and with errors', async ({
  page,
}) => {
  await register(page);
  const id = await writeApplication(page, { title: long, message: 'x'.repeat(400) }, 'Submit application');
  await expectAccessible(page);
  await moveAsStaff(id, 'documents_needed', { note: `Your lease: ${'y'.repeat(200)}` });
  await open(page, `/applications/${id}`);
  await button(page, 'Send answer').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
  await field(page, 'note').fill('Sent.');
  await button(page, 'Send answer').click();
  await page.getByText('Add to your answer').click();
  await expectAccessible(page);
  await moveAsStaff(id, 'in_review');
  await moveAsStaff(id, 'declined');
  await open(page, `/applications/${id}`);
  await expectAccessible(page);
});

async function submitDraft(page: Page, id: string): Promise<string> {
  await open(page, `/applications/${id}`);
  await button(page, 'Submit application').click();
  await expect(page.getByText('Your application was submitted.')).toBeVisible();
  return id;
}
