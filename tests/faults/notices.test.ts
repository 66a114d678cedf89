import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { moveApplication } from '@/lib/applications/move-application';
import { giveApplicant, giveStaff, giveSubmitted } from '../support/applications';
import { contextAt } from '../support/people';
import { useWorkers } from './workers-on-fake';

const workers = useWorkers();
const { database } = workers;

test('however often the process that decides is killed, each change is told by one text', async () => {
  const staff = await giveStaff(database.db);
  const moves = 60;
  const phones: string[] = [];
  for (let count = 0; count < moves; count += 1) {
    const applicant = await giveApplicant(database.db);
    phones.push(applicant.phone);
    const moment = new Date(Date.now() - 60_000);
    const { id, version } = await giveSubmitted(database.db, applicant, moment);
    const moved = await moveApplication(
      database.db,
      staff,
      { id, to: 'in_review', version },
      contextAt(moment),
    );
    if (!moved.ok) throw new Error(moved.reason);
  }
  const countUndecided = async () => {
    const { rows } = await database.db.execute<{ waiting: number }>(
      sql`select count(*)::int as waiting from application_notices where decided_at is null`,
    );
    return rows[0]!.waiting;
  };
  // Killed in the middle of it, whenever that is, until the last one is left alone.
  for (let round = 0; round < 4; round += 1) {
    const worker = await workers.start();
    await new Promise((resolve) => setTimeout(resolve, 60 * round));
    await worker.killHard();
  }
  const last = await workers.start();
  await expect.poll(countUndecided, { timeout: 60_000 }).toBe(0);
  await expect.poll(() => workers.fake.texts.length, { timeout: 60_000 }).toBe(moves);
  await last.stop();
  expect(workers.fake.texts.map(({ to }) => to).sort()).toEqual([...phones].sort());
}, 180_000);
