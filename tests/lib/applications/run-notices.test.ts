import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPool, workerPool } from '@/db/client';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication } from '@/lib/applications/move-application';
import { runNotices } from '@/lib/applications/run-notices';
import { giveApplicant, giveStaff, giveSubmitted, readApplicationRow } from '@/tests/support/applications';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { contextAt } from '@/tests/support/people';

const database = useDatabase();

let pool: ReturnType<typeof openPool>;
let notices: ReturnType<typeof runNotices> | undefined;

beforeEach(async () => {
  pool = openPool(database.url);
  await database.db.execute(
    sql`truncate applications, application_events, application_notices, sms_messages, mails cascade`,
  );
});
afterEach(async () => {
  await notices?.stop();
  notices = undefined;
  await pool.end();
});

/** An application that was moved so long ago; the news of it is due. */
async function giveMoved(agoMs: number): Promise<string> {
  const moment = new Date(Date.now() - agoMs);
  const staff = await giveStaff(database.db);
  const { id, version } = await giveSubmitted(database.db, await giveApplicant(database.db), moment);
  const wanted = { id, to: 'in_review', version } as const;
  const moved = await moveApplication(database.db, staff, wanted, contextAt(moment));
  if (!moved.ok) throw new Error(moved.reason);
  return id;
}

const readNews = async (id: string) => (await readApplicationRow(database.db, id)).news;

/** Starts, and says how long it takes until there is news of this one. */
async function startAndTime(id: string): Promise<number> {
  const startedMs = performance.now();
  notices = runNotices({ db: drizzle(pool), log: () => undefined });
  while ((await readNews(id)) !== 'texted' && performance.now() - startedMs < 30_000) await delay(50);
  return performance.now() - startedMs;
}

// As by someone who leaves a transaction open in psql.
const held = {
  applications: sql`select from applications where id <> `,
  notices: sql`select from application_notices where application_id <> `,
  applicants: sql`
    select from users where id in (select applicant_id from applications) and id <> (select applicant_id from applications where id = `,
};
test.each(Object.keys(held) as (keyof typeof held)[])(
  'a hundred %s that someone holds delay the news of others by a few seconds at most, and are told once they are free',
  async (what) => {
    const stuck: string[] = [];
    for (let count = 0; count < 100; count += 1) stuck.push(await giveMoved(120_000));
    const other = await giveMoved(60_000);
    const holding = database.db.transaction(async (tx) => {
      await tx.execute(
        what === 'applicants'
          ? sql`${held[what]} ${other}) for update`
          : sql`${held[what]} ${other} for update`,
      );
      const ms = await startAndTime(other);
      expect(await readNews(stuck[0]!)).toBe('waiting');
      return ms;
    });
    expect(await holding).toBeLessThan(8_000);
    for (const id of stuck) await expect.poll(() => readNews(id)).toBe('texted');
    const { rows } = await database.db.execute<{ faults: number }>(
      sql`select max(faults) as faults from application_notices`,
    );
    expect(rows).toEqual([{ faults: 0 }]);
  },
);

test('notices that fail by themselves while someone holds their rows end no batch', async () => {
  const broken: string[] = [];
  // As many as are decided side by side.
  for (let count = 0; count < 4; count += 1) broken.push(await giveMoved(120_000));
  const good = [await giveMoved(60_000), await giveMoved(60_000)];
  await database.db.execute(
    sql`update application_notices set faults = 1 where application_id = any(${sql.param(broken)}::uuid[])`,
  );
  await database.db.execute(sql`
    create function fail_late() returns trigger language plpgsql as
      $$ begin perform pg_sleep(1.5); raise exception 'its own fault'; end $$`);
  await database.db.execute(sql`
    create trigger fail_late after update on application_notices for each row
      when (new.faults = 1 and old.faults = 1 and new.decided_at is not null) execute function fail_late()`);
  const worker = openPool(database.url, workerPool);
  try {
    const faults: string[] = [];
    const counts: number[] = [];
    const options = {
      onFault: (id: string) => void faults.push(id),
      onHeld: (count: number) => void counts.push(count),
    };
    const deciding = decideNotices(drizzle(worker), new Date(), options);
    const countAsleep = async () => {
      const { rows } = await database.db.execute<{ n: number }>(
        sql`select count(*)::int as n from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
      );
      return rows[0]!.n;
    };
    await expect.poll(countAsleep, { timeout: 10_000, interval: 20 }).toBe(4);
    // Whoever asks now gets the rows before their faults can be counted.
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`select from application_notices where faults = 1 order by due_at for update`);
      await deciding;
    });
    expect(faults).toHaveLength(4);
    // One may be counted before whoever asked got that far.
    expect(counts).toEqual([expect.toSatisfy((held: number) => held >= 1 && held <= 4)]);
    for (const id of good) expect(await readNews(id)).toBe('texted');
    await decideNotices(drizzle(worker), new Date(), options);
    const { rows } = await database.db.execute(sql`select from application_notices where faults = 2`);
    expect(rows).toHaveLength(4);
  } finally {
    await worker.end();
    await database.db.execute(sql`drop function fail_late cascade`);
  }
});

test('news does not wait for the texts that are looked at', async () => {
  const looked: string[] = [];
  for (let count = 0; count < 30; count += 1) looked.push(await giveMoved(120_000));
  await database.db.execute(sql`
    update application_notices set state = 'texted', decided_at = due_at, check_at = due_at, message_id = id`);
  // As many as would take minutes.
  await database.db.execute(sql`
    insert into application_notices (id, application_id, event_id, kind, due_at, decided_at, state, check_at)
    select gen_random_uuid(), application_id, event_id, kind, due_at, due_at, 'texted', due_at
    from application_notices cross join generate_series(1, 400)`);
  const other = await giveMoved(60_000);
  notices = runNotices({ db: drizzle(pool), log: () => undefined });
  await expect.poll(() => readNews(other)).toBe('texted');
  const later = await giveMoved(60_000);
  const startedMs = performance.now();
  await expect.poll(() => readNews(later)).toBe('texted');
  expect(performance.now() - startedMs).toBeLessThan(6_000);
  const { rows } = await database.db.execute<{ left: number }>(
    sql`select count(*)::int as left from application_notices where check_at < now() - interval '1 minute'`,
  );
  expect(rows[0]!.left).toBeGreaterThan(0);
});

test('where nothing is due, it takes half a statement a second', async () => {
  const moved = await giveMoved(0);
  await database.db.execute(sql`
    update application_notices set due_at = now() + interval '1 day' where application_id = ${moved}`);
  const statements = await recordStatements(pool, async () => {
    notices = runNotices({ db: drizzle(pool), log: () => undefined });
    await delay(9_000);
  });
  expect(statements.length).toBeGreaterThan(2);
  // The first of a connection sets its limits.
  expect(statements.length).toBeLessThanOrEqual(6);
});
