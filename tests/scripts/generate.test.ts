import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { Client } from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { isGenerated, writeHistory } from '@/scripts/history/write-history';
import { planHistory } from '@/scripts/history/plan-history';
import { checkAllLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { useDatabase } from '../support/database';
import { named, withSettings } from '../support/settings';

const now = new Date('2026-11-20T15:30:00Z');

describe('the plan of a history', () => {
  test('has exactly the people and texts asked for, in whole hours before now', () => {
    fc.assert(
      fc.property(
        fc.record({
          people: fc.integer({ min: 100, max: 1_000_000 }),
          messages: fc.integer({ min: 1_000, max: 20_000_000 }),
          days: fc.integer({ min: 7, max: 400 }),
        }),
        (size) => {
          const plan = planHistory(size, now);
          const texts = plan.map(({ codes, updates, notices, inbound, attack }) => [
            codes,
            updates,
            notices,
            inbound,
            attack,
          ]);
          expect(texts.flat().every((count) => count >= 0)).toBe(true);
          expect(texts.flat().reduce((sum, count) => sum + count, 0)).toBe(size.messages);
          expect(plan.reduce((sum, { people }) => sum + people, 0)).toBe(size.people);
          expect(plan).toHaveLength(size.days * 24);
          expect(plan.at(-1)!.from).toEqual(new Date('2026-11-20T14:00:00Z'));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('has quiet nights, launch days, hours in which carriers fail, and one night of robots', () => {
    const plan = planHistory({ people: 100_000, messages: 1_000_000, days: 90 }, now);
    const codesAt = (hour: number) =>
      plan.filter(({ from }) => from.getUTCHours() === hour).reduce((sum, { codes }) => sum + codes, 0);
    expect(codesAt(8)).toBeLessThan(codesAt(18) / 10);
    const days = Array.from({ length: 90 }, (_, day) =>
      plan.slice(day * 24, day * 24 + 24).reduce((sum, { codes }) => sum + codes, 0),
    );
    expect(Math.max(...days)).toBeGreaterThan(3 * days.toSorted((a, b) => a - b)[45]!);
    expect(plan.filter(({ failedShare }) => failedShare > 0.2).length).toBeGreaterThan(3);
    const attacked = plan.filter(({ attack }) => attack > 0);
    expect(attacked).toHaveLength(4);
    expect(attacked.reduce((sum, { attack }) => sum + attack, 0)).toBe(10_000);
  });
});

describe('a history', () => {
  const database = useDatabase();
  let structure: string[];

  async function readStructure(): Promise<string[]> {
    const { rows } = await database.db.execute<{ part: string }>(sql`
      select indexdef as part from pg_indexes where schemaname = 'public'
      union all select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
      order by 1`);
    return rows.map(({ part }) => part);
  }

  beforeAll(async () => {
    const { options } = database.pool;
    const client = new Client({ connectionString: options.connectionString! });
    await client.connect();
    structure = await readStructure();
    expect(await isGenerated(client)).toBe(false);
    // Two names: the wordings of its consents have both.
    await withSettings(named('Elm Street Homes', 'Elm Housing Trust'), () =>
      writeHistory(client, { people: 600, messages: 6_000, days: 12 }, { now, say: () => undefined }),
    );
    expect(await isGenerated(client)).toBe(true);
    await client.end();
  });

  const count = async (query: ReturnType<typeof sql>): Promise<number> => {
    const { rows } = await database.db.execute<{ count: number }>(
      sql`select count(*)::int as count from ${query}`,
    );
    return rows[0]!.count;
  };

  test('has what was asked for', async () => {
    expect(await count(sql`users`)).toBe(600);
    expect(await count(sql`sms_messages`)).toBe(6_000);
    expect(await count(sql`sms_verifications`)).toBeGreaterThan(500);
    expect(await count(sql`applications`)).toBeGreaterThan(100);
  });

  test('of which nothing will ever be sent', async () => {
    expect(await count(sql`sms_messages where status in ('queued', 'sending') or check_at is not null`)).toBe(
      0,
    );
    expect(await count(sql`sms_verifications where consumed_at is null and ended_at is null`)).toBe(0);
    expect(await count(sql`application_notices`)).toBe(0);
    expect(await count(sql`mails`)).toBe(0);
  });

  test('in which nobody gets a text after STOP, and everything has its order', async () => {
    expect(
      await count(sql`sms_messages m join phone_numbers p on p.number = m.phone
        where m.sent_at is not null and m.created_at > p.suppressed_at`),
    ).toBe(0);
    expect(
      await count(
        sql`sms_messages where sent_at < created_at or delivered_at < sent_at or delivered_at > ${now.toISOString()}`,
      ),
    ).toBe(0);
    expect(
      await count(
        sql`sms_messages m join users u on u.id = m.user_id where m.created_at < u.created_at - interval '1 hour'`,
      ),
    ).toBe(0);
  });

  test('of which the ledgers agree, and updates went only to who had agreed to them', async () => {
    expect(await rollUpDays(database.db, now, 30)).toBeGreaterThan(10);
    const found: unknown[] = [];
    let parts = 0;
    await checkAllLedgers(database.db, now, (part, came) => {
      parts += 1;
      if (typeof came === 'string' || came.length > 0) found.push({ part, came });
    });
    expect(found).toEqual([]);
    expect(parts).toBeGreaterThan(14);
    expect(await count(sql`sms_messages where purpose = 'update' and sent_at is not null`)).toBeGreaterThan(
      500,
    );
  });

  test('and every index and reference is there again', async () => {
    expect(structure.length).toBeGreaterThan(150);
    expect(await readStructure()).toEqual(structure);
  });
});
