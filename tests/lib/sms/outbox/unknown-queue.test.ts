import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tx } from '@/db/client';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { askPolicyAgain, cancelTexts, redirectUpdates } from '@/lib/sms/outbox/text-outbox';
import { useDatabase } from '../../../support/database';
import { openPlanRecorder, type PlanNode, type PlanRecorder } from '../../../support/plans';
import { askForUpdate, makePerson, nextPhone, readText, type Person } from '../../../support/texts';

const database = useDatabase();
const waiting = 5_000;
let recorder: PlanRecorder;

beforeAll(async () => {
  await database.db.execute(sql`alter table sms_messages set (autovacuum_enabled = off)`);
  const fill = (count: number, status: string) =>
    database.db.execute(sql`
      insert into sms_messages (id, phone, purpose, template, created_at, send_after, status)
      select gen_random_uuid(), '+1415' || (2000000 + i), 'update', 'applicationStatus', now(), now() + interval '6 hours',
        ${status} from generate_series(1, ${count}::int) i`);
  await fill(50_000, 'delivered');
  await database.db.execute(sql`vacuum analyze sms_messages`);
  // Of these the planner has not heard: as far as it knows, nothing waits.
  await fill(waiting, 'queued');
  recorder = openPlanRecorder(database.url);
}, 60_000);

afterAll(() => recorder.end());

/** How many rows all steps of a plan handled on the texts, those that a filter threw away too. */
function countTexts(node: PlanNode): number {
  const own =
    node['Relation Name'] === 'sms_messages'
      ? (node['Actual Rows'] ?? 0) +
        (node['Rows Removed by Filter'] ?? 0) +
        (node['Rows Removed by Index Recheck'] ?? 0)
      : 0;
  return (
    own * (node['Actual Loops'] ?? 1) + (node.Plans ?? []).reduce((sum, each) => sum + countTexts(each), 0)
  );
}

type Given = { person: Person; ids: string[] };

const journeys: Record<string, (tx: Tx, given: Given) => Promise<unknown>> = {
  'one text is withdrawn by its id': (tx, { ids }) => cancelTexts(tx, { ids: [ids[0]!] }, 'x', new Date()),
  'a person’s texts are withdrawn': (tx, { person }) =>
    cancelTexts(tx, { userId: person.userId, templates: ['applicationStatus'] }, 'x', new Date()),
  'a number’s texts are withdrawn': (tx, { person }) =>
    cancelTexts(tx, { phone: person.phone }, 'x', new Date()),
  'a person’s texts to one number are withdrawn': (tx, { person }) =>
    cancelTexts(tx, person, 'x', new Date()),
  'a STOP is obeyed': (tx, { person: { phone } }) => optOut(tx, { phone, by: 'sms_stop', now: new Date() }),
  'updates are led to another number': (tx, { person: { userId, phone } }) =>
    redirectUpdates(tx, { userId, from: phone, to: nextPhone() }),
  'quiet hours are changed': (tx, { person: { userId } }) => askPolicyAgain(tx, { userId, now: new Date() }),
};

test.each(Object.entries(journeys))(
  'where %s, no other text that waits is read, though the planner believes that none does',
  async (journey, run) => {
    const person = await makePerson(database.db);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) ids.push(await askForUpdate(database.db, person));
    await database.db.execute(
      sql`update sms_messages set reason = 'quiet_hours' where user_id = ${person.userId}`,
    );
    const before = await readText(database.db, ids[0]!);
    await recorder.during(journey, () => recorder.db.transaction((tx) => run(tx, { person, ids })));
    expect(await readText(database.db, ids[0]!)).not.toEqual(before);
    const plans = recorder.ran.filter((each) => each.journey === journey).map(({ plan }) => plan);
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) expect(countTexts(plan)).toBeLessThan(100);
  },
);
