import { sql } from 'drizzle-orm';
import { afterAll, expect, test } from 'vitest';
import { answerApplication } from '@/lib/applications/add-to-timeline';
import { decideNotices } from '@/lib/applications/decide-notices';
import { followTexts } from '@/lib/applications/follow-notices';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { giveApplicant, giveStaff, giveSubmitted, readShownVersion } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { fillApplications } from '@/tests/support/many-applications';
import { after, contextAt } from '@/tests/support/people';
import { findBigReads, openPlanRecorder, readIndexes, type PlanRecorder } from '@/tests/support/plans';

const database = useDatabase();

let recorder: PlanRecorder | undefined;
afterAll(() => recorder?.end());

const waiting = 3_000;
const batch = 10;

test('while the planner still believes that nothing waits, no statement about one notice reads all that do', async () => {
  const now = new Date();
  const at = (seconds: number) => contextAt(after(now, seconds));
  await fillApplications(database.pool, { rows: 20_000, now });
  await database.db.execute(sql`alter table application_notices set (autovacuum_enabled = off)`);
  // What waits is written down as of later than what the planner knows of.
  const instant = sql`${now.toISOString()}::timestamptz`;
  await database.db.execute(sql`
    update application_notices set decided_at = null, state = 'waiting', due_at = ${instant} - interval '1 minute'
    where id in (select id from application_notices where message_id is null and state <> 'texted' limit ${waiting})`);
  await database.db.execute(sql`
    update application_notices set check_at = ${instant} - interval '1 minute'
    where id in (select id from application_notices where state = 'texted' and message_id is not null limit ${waiting})`);

  const staff = await giveStaff(database.db);
  const applicant = await giveApplicant(database.db);
  recorder = openPlanRecorder(database.url);
  const { db, during } = recorder;
  const faults: unknown[] = [];
  const onFault = (_notice: string, error: unknown) => void faults.push(error);
  const { id, version } = await giveSubmitted(database.db, applicant, now);
  const broken = await giveSubmitted(database.db, await giveApplicant(database.db), at(-7200).now);
  await moveApplication(database.db, staff, { ...broken, to: 'in_review' }, at(-7000));
  await database.db.execute(
    sql`update application_notices set kind = 'odd' where application_id = ${broken.id}`,
  );
  await during('decide, and put off', () => decideNotices(db, now, { limit: batch, onFault }));
  await during('follow', () => followTexts(db, now, { limit: batch, onFault }));
  expect(faults).toHaveLength(1);
  const asked = { id, to: 'documents_needed', version, note: 'A lease' } as const;
  await during('move', () => moveApplication(db, staff, asked, at(10)));
  await during('answer', () => answerApplication(db, applicant, { id, note: 'Here' }, at(60)));
  const hidden = { id, to: 'in_review', version: version + 2 } as const;
  const moved = await during('move on', () => moveApplication(db, staff, hidden, at(70)));
  if (!moved.ok) throw new Error(moved.reason);
  const { eventId } = moved;
  expect(await during('undo', () => undoMove(db, staff, { id, eventId }, at(71)))).toEqual({ ok: true });
  await moveApplication(database.db, staff, { ...hidden, version: version + 4 }, at(80));
  const shown = await readShownVersion(database.db, applicant, id, at(81).now);
  const withdrawal = { id, to: 'withdrawn', version: shown } as const;
  expect(await during('withdraw', () => moveApplication(db, applicant, withdrawal, at(81)))).toMatchObject({
    ok: true,
  });
  const indexes = await readIndexes(database.pool);
  const big = new Set(['applications', 'application_events', 'application_notices', 'sms_messages']);
  const found = recorder.ran
    .filter(({ journey }) => journey !== null)
    .flatMap(({ journey, statement, plan }) =>
      findBigReads(plan, { big, indexes, mostRows: waiting / 4 }).map(
        ({ table, fault }) => `${journey} | ${table}: ${fault} | ${statement.slice(0, 200)}`,
      ),
    );
  expect(found).toEqual([]);
}, 120_000);
