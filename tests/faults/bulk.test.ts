import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { aimBulkMove, draftBulkMove } from '@/lib/bulk/select-bulk';
import { startBulkMove } from '@/lib/bulk/steer-bulk';
import { giveApplicant } from '../support/applications';
import { countMoves, giveManySubmitted, readBulkRow } from '../support/bulk';
import { contextAt } from '../support/people';
import { giveSettledPerson, readSessionOf } from '../support/settled-person';
import { useWorkers } from './workers-on-fake';

const workers = useWorkers();
const { database } = workers;

test('however often the process that moves in bulk is killed, each is moved once and told by one text', async () => {
  const variables = { SMS_DAILY_BUDGET_PER_USER_USD: '5' };
  const { db } = database;
  const now = new Date(Date.now() - 60_000);
  const mover = await readSessionOf(db, await giveSettledPerson(db, { role: 'staff', now }), now);
  const applicants = [];
  for (let count = 0; count < 30; count += 1) applicants.push(await giveApplicant(db));
  const ids = await giveManySubmitted(db, applicants, 120, now);
  const made = await draftBulkMove(db, mover, { ids }, contextAt(now));
  if (!made.ok) throw new Error(made.reason);
  const { id } = made;
  await aimBulkMove(db, mover, { id, to: 'in_review', note: null }, contextAt(now));
  expect(await startBulkMove(db, mover, id, contextAt(now))).toEqual({ ok: true });
  // Killed in the middle of it, whenever that is, until the last one is left alone. Nobody waits for the leases of the dead.
  for (let round = 0; round < 5; round += 1) {
    await db.execute(sql`update bulk_moves set next_at = now()`);
    const worker = await workers.start(variables);
    await new Promise((resolve) => setTimeout(resolve, 60 * round));
    await worker.killHard();
  }
  await workers.start(variables);
  await expect.poll(async () => (await readBulkRow(db, id)).state, { timeout: 90_000 }).toBe('done');
  await expect.poll(() => workers.fake.texts.length, { timeout: 60_000 }).toBe(ids.length);
  expect(await countMoves(db, ids)).toEqual({ moves: [1, 1], notices: [1, 1], texts: [1, 1] });
  expect(await readBulkRow(db, id)).toMatchObject({ items: { moved: ids.length } });
}, 240_000);
