import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { readLedgerState } from '@/lib/alarms/ledger-checks';
import { keepHouse } from '@/lib/housekeeping';
import { readReport } from '@/lib/reporting/rollups/report';
import { useDatabase } from '../../../support/database';
import { newPhone } from '../../../support/people';

vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();

/** Four days of texts, of which each fifth is told of late. In New York a day begins at 5:00 UTC. */
beforeEach(async () => {
  await database.pool.query(
    'truncate sms_messages, sms_rollups, event_rollups, rolled_days, ledger_checks cascade',
  );
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, status, created_at, send_after, attempts, sender, provider_sid,
      provider_status, sent_at, delivered_at, segments, price, estimated_price, price_settled_at, reserved_at)
    select gen_random_uuid(), ${newPhone()}, 'verification', 'code', status, at, at, 1, '+15550001111', 'SM' || md5(n::text), status, at,
      told_at, 1, 0.0083, 0.0083, told_at, at
    from generate_series(1, 87) n cross join lateral (select '2026-12-01T12:00Z'::timestamptz + n * interval '1 hour' as at) asked
      cross join lateral (select case when n % 5 = 0 then 'sent' else 'delivered' end as status,
        case when n % 5 > 0 then at end as told_at) told`);
});

/** So many rounds of housekeeping, one a minute, by a clock that shows this first. */
async function keepHouseFrom(first: string, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await keepHouse(database.db, new Date(Date.parse(first) + round * 60_000));
  }
}

async function tellLate(at: string): Promise<void> {
  const { rowCount } = await database.pool.query(
    `update sms_messages set status = 'delivered', provider_status = 'delivered', delivered_at = $1, price = 0.0079, price_settled_at = $1
     where status = 'sent' and (created_at at time zone 'America/New_York')::date = '2026-12-03'`,
    [at],
  );
  expect(rowCount).toBe(4);
}

/** No sum differs, and the report has what was told late. */
async function expectRight(at: string): Promise<void> {
  const { parts } = await readLedgerState(database.db);
  expect(parts.filter(({ part }) => part.startsWith('day'))).toEqual([]);
  const { period } = await readReport(database.db, { first: '2026-12-03', last: '2026-12-03' }, new Date(at));
  expect(period.byPurpose.verification).toMatchObject({
    ...{ texts: 24, delivered: 24, reservedMicros: 0 },
    settledMicros: 20 * 8_300 + 4 * 7_900,
  });
}

describe('what is told late of days that a clock ahead has summed up is in their sums, and no ledger differs', () => {
  test('where it was ahead by a day for some minutes', async () => {
    await keepHouseFrom('2026-12-04T14:00:00Z', 4);
    await keepHouseFrom('2026-12-05T15:00:00Z', 2);
    await keepHouseFrom('2026-12-04T15:03:00Z', 4);
    await tellLate('2026-12-04T18:00:00Z');
    await keepHouseFrom('2026-12-04T18:05:00Z', 3);
    await keepHouseFrom('2026-12-05T05:00:10Z', 6);
    await expectRight('2026-12-05T06:00:00Z');
    await keepHouseFrom('2026-12-06T05:00:10Z', 6);
    await expectRight('2026-12-06T06:00:00Z');
  });

  test('where it was set back by an hour just after midnight', async () => {
    await keepHouseFrom('2026-12-04T14:00:00Z', 4);
    await keepHouseFrom('2026-12-05T05:00:10Z', 6);
    await keepHouseFrom('2026-12-05T04:06:10Z', 4);
    await tellLate('2026-12-05T04:20:00Z');
    await keepHouseFrom('2026-12-05T04:20:10Z', 4);
    await keepHouseFrom('2026-12-05T05:00:10Z', 6);
    await expectRight('2026-12-05T05:10:00Z');
    await keepHouseFrom('2026-12-06T05:00:10Z', 6);
    await expectRight('2026-12-06T06:00:00Z');
  });
});
