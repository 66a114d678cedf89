import { expect, test } from 'vitest';
import { rateLimits } from '@/db/schema/accounts';
import type { Viewer } from '@/lib/applications/who-sees';
import { openForSomeone } from '@/lib/applications/write-application';
import { limitKeys } from '@/lib/rate-limits/hits';
import { giveStaff } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';

const database = useDatabase();
const written = { name: 'Pat Paper', title: 'A flat', message: 'By letter' };
const hour = 3600;

/** As if someone had opened so many, each a second after the other. */
async function giveOpened(staff: Viewer, count: number, from: number) {
  const [key] = limitKeys('opened_by', [staff.userId]);
  const hits = Array.from({ length: count }, (_, n) => after(noon, from + n));
  await database.db.insert(rateLimits).values({ key, hits, emptyAt: after(noon, 24 * hour) });
}

/** Opens applications side by side. Out: how many were opened, and the answer to one that was not. */
async function open(staff: Viewer, times: number, seconds: number) {
  const context = contextAt(after(noon, seconds));
  const answers = await Promise.all(
    Array.from({ length: times }, () => openForSomeone(database.db, staff, written, context)),
  );
  const { rowCount } = await database.pool.query('select from applications where assignee_id = $1', [
    staff.userId,
  ]);
  const opened = answers.filter(({ ok }) => ok).length;
  expect(rowCount).toBe(opened);
  return { opened, refused: answers.find(({ ok }) => !ok) };
}

test('one of the operator’s people opens 100 an hour at most, and another goes on', async () => {
  const [one, two] = [await giveStaff(database.db), await giveStaff(database.db)];
  await giveOpened(one, 95, 0);
  expect(await open(one, 10, 100)).toEqual({
    opened: 5,
    refused: { ok: false, reason: 'too_many_opened', retryAt: after(noon, hour) },
  });
  expect(await open(two, 1, 101)).toMatchObject({ opened: 1 });
});

test('and 500 a day', async () => {
  const staff = await giveStaff(database.db);
  await giveOpened(staff, 495, 0);
  expect(await open(staff, 10, 10 * hour)).toEqual({
    opened: 5,
    refused: { ok: false, reason: 'too_many_opened', retryAt: after(noon, 24 * hour) },
  });
});
