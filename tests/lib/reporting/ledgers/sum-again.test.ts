import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openPool, workerPool, type Db } from '@/db/client';
import { readLedgerState } from '@/lib/alarms/ledger-checks';
import { keepHouse } from '@/lib/housekeeping';
import { checkLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { useDatabase } from '../../../support/database';
import { newPhone } from '../../../support/people';
import { twilioVariables } from '../../../support/texts';

vi.setConfig({ testTimeout: 60_000 });
Object.assign(process.env, twilioVariables('http://127.0.0.1:9'));

const database = useDatabase();
const noon = new Date('2026-12-05T17:00:00Z');
const night = new Date('2026-12-06T05:00:10Z');
const damaged = 'day 2026-12-02';
const afterNight = (minutes: number) => new Date(night.getTime() + minutes * 60_000);

/** Four days of texts to people without an account, summed up and checked; then someone deletes some of one day. */
beforeEach(async () => {
  await database.pool.query(
    'truncate sms_messages, sms_rollups, event_rollups, rolled_days, ledger_checks cascade',
  );
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, status, created_at, send_after, attempts, sender, provider_sid,
      provider_status, sent_at, delivered_at, segments, price, estimated_price, price_settled_at, reserved_at)
    select gen_random_uuid(), ${newPhone()}, 'verification', 'code', 'delivered', at, at, 1, '+15550001111', 'SM' || md5(n::text),
      'delivered', at, at, 1, 0.0083, 0.0083, at, at
    from (select n, '2026-12-01T12:00Z'::timestamptz + n * interval '3 hours' as at from generate_series(1, 24) n) texts`);
  await keepHouse(database.db, noon);
  await keepHouse(database.db, new Date(noon.getTime() + 60_000));
  const { rows } = await database.pool.query('select from ledger_checks where checked_at is not null');
  expect(rows).toHaveLength(9);
  expect((await readLedgerState(database.db)).parts).toEqual([]);
  await database.pool.query(
    `delete from sms_messages where created_at >= '2026-12-02T15:00Z' and created_at < '2026-12-02T21:00Z'`,
  );
});

async function listFound(): Promise<string[]> {
  const { parts } = await readLedgerState(database.db);
  return parts.flatMap(({ part, differences }) => differences.map(({ kind }) => `${part}: ${kind}`));
}

/** Which days were summed up since the night began. */
async function listSummed(): Promise<string[]> {
  const { rows } = await database.pool.query<{ part: string }>(
    `select 'day ' || day as part from rolled_days where rolled_at >= $1 and summed_until is null order by day`,
    [night],
  );
  return rows.map(({ part }) => part);
}

const others = ['day 2026-12-01', 'day 2026-12-03', 'day 2026-12-04'];

describe('a day that was changed by hand', () => {
  test('is summed up no more, so that what the check found stands at each later check', async () => {
    await keepHouse(database.db, night);
    expect(await listFound()).toEqual([`${damaged}: sums_and_texts`]);
    expect(await listSummed()).toEqual([...others, 'day 2026-12-05']);
    const nextNight = afterNight(24 * 60);
    await keepHouse(database.db, nextNight);
    expect(await listFound()).toEqual([`${damaged}: sums_and_texts`]);
    // The texts are right: so says whoever deletes the day from the sums.
    await database.pool.query(`delete from rolled_days where day = '2026-12-02'`);
    await keepHouse(database.db, new Date(nextNight.getTime() + 60_000));
    await keepHouse(database.db, new Date(nextNight.getTime() + 24 * 3_600_000));
    expect(await listFound()).toEqual([]);
    expect(await listSummed()).toContain(damaged);
  });

  test('is not summed up while another process has it, nor where that one was killed, before it is checked', async () => {
    await database.pool.query(`update ledger_checks set leased_until = $1 where part like 'day %'`, [
      afterNight(9),
    ]);
    for (let minute = 0; minute < 9; minute += 1) await keepHouse(database.db, afterNight(minute));
    expect(await listFound()).toEqual([]);
    expect(await listSummed()).toEqual(['day 2026-12-05']);
    await keepHouse(database.db, afterNight(9));
    expect(await listFound()).toEqual([`${damaged}: sums_and_texts`]);
    expect(await listSummed()).toEqual([...others, 'day 2026-12-05']);
  });

  test('is found by one of two processes whose rounds begin at the same moment', async () => {
    await Promise.all([keepHouse(database.db, night), keepHouse(database.db, night)]);
    await keepHouse(database.db, afterNight(1));
    expect(await listFound()).toEqual([`${damaged}: sums_and_texts`]);
  });
});

describe('a day that cannot be read', () => {
  /** Runs something while nobody can read the ledger of consent, which is the last that a day is compared with. */
  async function whileLocked(run: (db: Db) => Promise<void>): Promise<void> {
    const pool = openPool(database.url, workerPool);
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query('lock table sms_consents in access exclusive mode');
      await run(drizzle(pool));
    } finally {
      await holder.query('rollback');
      holder.release();
      await pool.end();
    }
  }

  test('keeps what was found in it before that, also of the check before', async () => {
    await database.pool.query(
      `update ledger_checks set found_at = $1, differences = '[{"kind": "text_after_opt_out", "count": 1, "examples": []}]' where part = $2`,
      [noon, damaged],
    );
    await whileLocked(async (db) => {
      await checkLedgers(db, night, 20);
    });
    expect((await listFound()).sort()).toEqual([
      `${damaged}: sums_and_texts`,
      `${damaged}: text_after_opt_out`,
    ]);
    const { rows } = await database.pool.query(
      'select checked_at < $1 as is_due, unchecked_since from ledger_checks where part = $2',
      [night, damaged],
    );
    expect(rows).toEqual([{ is_due: true, unchecked_since: night }]);
  });

  test('is summed up all the same after six hours, which is a find until it can be read', async () => {
    await whileLocked(async (db) => {
      for (const minutes of [0, 11, 359]) {
        await checkLedgers(db, afterNight(minutes), 20);
        await rollUpDays(db, afterNight(minutes), 20);
      }
      expect(await listSummed()).toEqual(['day 2026-12-05']);
      await checkLedgers(db, afterNight(370), 20);
      await rollUpDays(db, afterNight(370), 20);
      // In the damaged one something was found before it failed.
      expect(await listSummed()).toEqual([...others, 'day 2026-12-05']);
      expect((await listFound()).sort()).toEqual([
        'day 2026-12-01: not_checked',
        `${damaged}: sums_and_texts`,
        'day 2026-12-03: not_checked',
        'day 2026-12-04: not_checked',
      ]);
    });
    await checkLedgers(database.db, afterNight(381), 20);
    expect(await listFound()).toEqual([`${damaged}: sums_and_texts`]);
    // Nor does that find hold up the next night's sums.
    await keepHouse(database.db, afterNight(24 * 60));
    expect(await listSummed()).toEqual([...others, 'day 2026-12-05', 'day 2026-12-06']);
  });

  test('is told by the age of the check, also where it never could be, as long as it is one of the last 35', async () => {
    await keepHouse(database.db, night);
    await keepHouse(database.db, afterNight(1));
    expect((await readLedgerState(database.db)).checkedAt).toEqual(night);
    await database.pool.query(`insert into ledger_checks (part, checked_at) values ('day 2026-11-01', $1)`, [
      noon,
    ]);
    expect((await readLedgerState(database.db)).checkedAt).toEqual(noon);
    await database.pool.query(
      `update ledger_checks set checked_at = null, unchecked_since = $1 where part = 'day 2026-11-01'`,
      [noon],
    );
    expect((await readLedgerState(database.db)).checkedAt).toEqual(noon);
    await database.pool.query(`insert into ledger_checks (part, checked_at)
      select 'day ' || day::date, now() + interval '1 year' from generate_series('2027-01-01'::timestamp, '2027-02-04', '1 day') day`);
    expect((await readLedgerState(database.db)).checkedAt).toEqual(night);
  });
});
