import { button, expectPage, open } from '../support/journeys';
import { enterAs, makePerson } from '../support/staff';
import { readRows } from '../support/database';
import { expect, test } from '../support/test';

test('staff are told five minutes before their session ends without a visit, and one button keeps it', async ({
  page,
}) => {
  const person = await makePerson('staff');
  await enterAs(page, person);
  await page.clock.install();
  await open(page, '/users/profile');
  const notice = page.getByText('You will be signed out in five minutes');
  await page.clock.fastForward('54:00');
  await expect(notice).toBeHidden();
  await readRows(`update sessions set last_seen_at = now() - interval '55 minutes' where user_id = $1`, [
    person.id,
  ]);
  await page.clock.fastForward('02:00');
  await expect(notice).toBeVisible();
  await button(page, 'Stay signed in').click();
  await expect(notice).toBeHidden();
  const rows = await readRows<{ recent: boolean }>(
    `select last_seen_at > now() - interval '1 minute' as recent from sessions where user_id = $1`,
    [person.id],
  );
  expect(rows).toEqual([{ recent: true }]);
  await page.clock.fastForward('56:00');
  await expect(notice).toBeVisible();
  // It was left alone for too long.
  await readRows(`update sessions set last_seen_at = now() - interval '61 minutes' where user_id = $1`, [
    person.id,
  ]);
  await button(page, 'Stay signed in').click();
  await expect(page.getByText('You are no longer signed in')).toBeVisible();
  await expectPage(page, '/users/profile');
});
