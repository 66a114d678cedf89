import { randomUUID } from 'node:crypto';
import { expectAccessible } from '../support/accessibility';
import { button, field, open } from '../support/journeys';
import { enterAs, makePerson } from '../support/staff';
import { giveApplication } from '../support/staff-applications';
import { expect, test } from '../support/test';

// Colours that fade would be measured half way.
test.use({ contextOptions: { reducedMotion: 'reduce' } });

test('moving in bulk is accessible: selecting, the summary, how far it is, and the list', async ({
  page,
}) => {
  const staff = await makePerson('staff');
  const title = `${'Home'.repeat(25)} ${randomUUID().slice(0, 8)}`;
  await giveApplication({ of: null, to: staff, title });
  await enterAs(page, staff);
  await open(page, '/staff/applications?assignee=me');
  await expectAccessible(page);
  await page.getByRole('checkbox').check();
  await button(page, 'Go on with the checked ones').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Move 1 application');
  await expectAccessible(page);
  await field(page, 'note').fill('x'.repeat(400));
  await button(page, 'Show what would happen').click();
  await expect(page.getByRole('heading', { name: 'What would happen' })).toBeVisible();
  await expectAccessible(page);
  await button(page, 'Start: Move to In review: 1 application').click();
  await expect(page.getByText(/It is done\.$/)).toBeVisible({ timeout: 30_000 });
  await expectAccessible(page);
  await open(page, '/staff/bulk');
  await expectAccessible(page);
});
