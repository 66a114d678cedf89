import { sql } from 'drizzle-orm';
import { beforeAll, expect, test } from 'vitest';
import type { Db } from '@/db/client';
import { plannedAnewMark } from '@/db/prepared-statements';
import { readPackRows } from '@/lib/exports/pack-rows';
import { listAttempts, type AttemptSearch } from '@/lib/reporting/verification-attempts';
import { searchTexts, type TextSearch } from '@/lib/reporting/sms-texts';
import { listTexts } from '@/lib/sms/outbox/history';
import { useDatabase } from '@/tests/support/database';
import { openPlanRecorder, type PlanNode } from '@/tests/support/plans';
import { giveSettledPerson, type SettledPerson } from '@/tests/support/settled-person';

const database = useDatabase();
let person: SettledPerson;

const pageSize = 50;
/** Of one statement: a page each way, once to find it and once to read it. */
const mostRows = 4 * (pageSize + 1) + 10;

/**
 * A third of all texts are what one person wrote to us; what we wrote to them and to their number is from long before. A third of all
 * attempts are theirs, and from before all others.
 */
beforeAll(async () => {
  person = await giveSettledPerson(database.db);
  const { userId, phone } = person;
  await database.db.execute(sql`truncate sms_messages`);
  const ago = (minutes: string) => sql`now() - interval '1 minute' * (${sql.raw(minutes)})`;
  await database.db.execute(sql`
    insert into sms_messages (id, phone, user_id, purpose, template, created_at, send_after, status)
    select gen_random_uuid(), ${phone}, ${userId}, 'update', 'applicationStatus', ${ago('100000 + n')}, ${ago('100000 + n')},
      case when n % 2 = 0 then 'failed' else 'delivered' end from generate_series(1, 100) n`);
  await database.db.execute(sql`
    insert into sms_messages (id, phone, user_id, purpose, template, created_at, send_after, status)
    select gen_random_uuid(), '+1415' || (2000000 + n), null, 'update', 'applicationStatus', ${ago('40000 - n')}, ${ago('40000 - n')},
      'delivered' from generate_series(1, 30000) n`);
  await database.db.execute(sql`
    insert into sms_messages (id, direction, phone, user_id, purpose, template, created_at, send_after, status, body)
    select gen_random_uuid(), 'in', ${phone}, ${userId}, 'inbound', 'inbound', ${ago('60000 - n')}, ${ago('60000 - n')},
      'received', 'Hello' from generate_series(1, 15000) n`);
  await database.db.execute(
    sql`update phone_numbers set held_since = now() - interval '300 days' where number = ${phone}`,
  );
  await database.db.execute(sql`vacuum analyze sms_messages`);
  const attempt = sql`case when n % 2 = 0 then 'wrong_code' else 'sent' end`;
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, user_id)
    select ${ago('60000 - n')}, ${attempt}, ${phone}, ${userId} from generate_series(1, 15000) n`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, user_id)
    select ${ago('40000 - n')}, ${attempt}, '+1415' || (2000000 + n), gen_random_uuid() from generate_series(1, 30000) n`);
  await database.db.execute(sql`vacuum analyze sms_verification_log`);
});

function countRows(node: PlanNode): number {
  const own = ['sms_messages', 'sms_verification_log'].includes(node['Relation Name'] ?? '')
    ? (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)
    : 0;
  const below = (node.Plans ?? []).map(countRows).reduce((sum, rows) => sum + rows, 0);
  return own * (node['Actual Loops'] ?? 1) + below;
}

const everything: TextSearch = { subject: null, status: null, template: null, errorCode: null, before: null };
const ofPerson = () => ({ kind: 'person' as const, id: person.userId });
const ofNumber = () => ({ kind: 'number' as const, filter: { phone: person.phone! } });
const search = async (db: Db, more: Partial<TextSearch>) =>
  (await searchTexts(db, { ...everything, ...more }, pageSize)).texts.length;
const attempts = async (db: Db, more: Partial<AttemptSearch>) => {
  const all: AttemptSearch = { subject: null, failuresOnly: false, before: null };
  return (await listAttempts(db, { ...all, ...more }, pageSize)).attempts.length;
};
const readPack = async (db: Db, subject: Parameters<typeof readPackRows>[2]['subject']) => {
  const range = { from: new Date('2020-01-01'), to: new Date(Date.now() + 60_000), now: new Date() };
  const first = await readPackRows(db, 'messages', { subject, ...range }, null, pageSize);
  const next = await readPackRows(db, 'messages', { subject, ...range }, first.last, pageSize);
  return next.rows.length;
};

const journeys: [string, (db: Db) => Promise<number>][] = [
  ['their own record', async (db) => (await listTexts(db, person, { limit: pageSize })).length],
  [
    'the next page of it',
    async (db) => {
      const before = (await listTexts(db, person, { limit: pageSize })).at(-1)!;
      return (await listTexts(db, person, { limit: pageSize, before })).length;
    },
  ],
  ['all that an admin finds of the person', (db) => search(db, { subject: ofPerson() })],
  ['all that an admin finds of the number', (db) => search(db, { subject: ofNumber() })],
  ['what failed of the person', (db) => search(db, { subject: ofPerson(), status: 'failed' })],
  ['what failed of the number', (db) => search(db, { subject: ofNumber(), status: 'failed' })],
  ['what they wrote', (db) => search(db, { subject: ofPerson(), status: 'received' })],
  ['their attempts', (db) => attempts(db, { subject: ofPerson() })],
  ['the attempts of the number', (db) => attempts(db, { subject: ofNumber() })],
  ['those that failed', (db) => attempts(db, { subject: ofNumber(), failuresOnly: true })],
  [
    'the next page of them',
    (db) => attempts(db, { subject: ofNumber(), before: { at: new Date().toISOString(), id: '12000' } }),
  ],
  ['an evidence pack of the number', (db) => readPack(db, { kind: 'number', phone: person.phone! })],
];

test.each(journeys)(
  'a page reads no more than it shows of one who wrote a third of all texts: %s',
  async (_, run) => {
    for (const mode of ['auto', 'force_generic_plan'] as const) {
      const recorder = openPlanRecorder(database.url, mode);
      try {
        expect(await run(recorder.db)).toBe(pageSize);
        expect(recorder.ran.length).toBeGreaterThan(0);
        for (const { plan, statement } of recorder.ran) {
          // It is never prepared, so it has no plan for all values.
          if (mode === 'force_generic_plan' && statement.includes(plannedAnewMark)) continue;
          expect(countRows(plan), statement).toBeLessThanOrEqual(mostRows);
        }
      } finally {
        await recorder.end();
      }
    }
  },
);
