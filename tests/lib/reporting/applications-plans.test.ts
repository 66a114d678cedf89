import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { deleteUser } from '@/lib/accounts/users';
import { addNote, answerApplication, assignApplication } from '@/lib/applications/add-to-timeline';
import { decideNotices } from '@/lib/applications/decide-notices';
import { followTexts } from '@/lib/applications/follow-notices';
import { eraseApplications, pruneApplications } from '@/lib/applications/erase-applications';
import type { Db } from '@/db/client';
import { listBulkMoves, readBulkPage } from '@/lib/bulk/bulk-page';
import { countNextForecast } from '@/lib/bulk/keep-forecast';
import { openMissingList } from '@/lib/bulk/missing-list';
import { moveNextItems } from '@/lib/bulk/move-items';
import { pruneBulkMoves } from '@/lib/bulk/prune-bulk';
import { aimBulkMove, draftBulkMove, draftMissing } from '@/lib/bulk/select-bulk';
import { pauseBulkMove, startBulkMove, stopBulkMove } from '@/lib/bulk/steer-bulk';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { listMyApplications, readMyApplication } from '@/lib/applications/my-applications';
import { takeTextAnswer } from '@/lib/applications/take-text-answer';
import { pruneDrafts } from '@/lib/applications/write-application';
import { readApplicationPage } from '@/lib/reporting/application-page';
import {
  ages,
  countByStatus,
  listApplications,
  matchApplications,
  readApplicationsPage,
  seenNews,
  seenStatuses,
  type ApplicationsQuery,
} from '@/lib/reporting/applications-list';
import { parsePeopleSearch } from '@/lib/reporting/people';
import { giveApplicant, giveSubmitted } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt } from '@/tests/support/people';
import { giveSettledPerson, readSessionOf } from '@/tests/support/settled-person';
import { fillApplications, fillUndecided, seerOf } from '@/tests/support/many-applications';
import {
  findBigReads,
  listIndexesOf,
  openPlanRecorder,
  readIndexes,
  type PlanRecorder,
} from '@/tests/support/plans';

const rows = 200_000;

/** One step may read so many rows: a page of each status, and a thousand and one of each to count them. */
const mostRows = 6 * 1_001;

const database = useDatabase();
const undecided = useDatabase();
const now = new Date();
const everything: ApplicationsQuery = {
  search: null,
  status: null,
  assignee: null,
  ageDays: null,
  news: null,
  after: undefined,
};

const everyTable = [
  'applications',
  'application_events',
  'application_notices',
  'sms_messages',
  'sms_preferences',
  'users',
];

let recorder: PlanRecorder;

beforeAll(async () => {
  await fillApplications(database.pool, { rows, now });
  await fillUndecided(undecided.pool, { rows, now });
  recorder = openPlanRecorder(database.url);
}, 400_000);
afterAll(() => recorder?.end());

const staff = { userId: seerOf(30), role: 'staff' as const };
const broker = { userId: seerOf(5), role: 'broker' as const };

test('no way to narrow the list reads more of 200,000 applications than a few pages', async () => {
  const { db, during } = recorder;
  for (const status of [null, ...seenStatuses]) {
    for (const assignee of [null, 'me', 'nobody', seerOf(7)]) {
      for (const news of [null, ...seenNews]) {
        for (const ageDays of [null, ...ages]) {
          const query = { ...everything, status, assignee, news, ageDays };
          const said = `${status} ${assignee} ${news} ${ageDays}`;
          const first = await during(said, () => readApplicationsPage(db, staff, query, now));
          if (first.older === null || ageDays !== null) continue;
          const after = first.older;
          await during(`${said}, older`, () => readApplicationsPage(db, staff, { ...query, after }, now));
        }
      }
    }
  }
  // Names that few, some, many and all begin with, of accounts and of those without one.
  for (const typed of [
    'Person 77',
    'Person 12',
    'Person 1',
    'person',
    'applicant5@',
    '0077',
    'paper 1',
    'paper',
    'zzz',
  ]) {
    const parsed = parsePeopleSearch(typed);
    const search = parsed.ok ? parsed.search : null;
    await during(`search: ${typed}`, () => readApplicationsPage(db, staff, { ...everything, search }, now));
    await during(`broker, search: ${typed}`, () =>
      readApplicationsPage(db, broker, { ...everything, search }, now),
    );
    const mine = { ...everything, search, assignee: 'me' };
    await during(`mine, search: ${typed}`, () => readApplicationsPage(db, staff, mine, now));
  }
  await during('broker', () => readApplicationsPage(db, broker, everything, now));
  const { applications } = await readApplicationsPage(db, staff, everything, now);
  const { id } = applications[0]!;
  const shown = await during('one', () => readApplicationPage(db, staff, id, { eventsBefore: null, now }));
  expect(shown?.application.id).toBe(id);

  await expectNoBigReads();
}, 400_000);

test.each([
  ['and two years are decided', () => database],
  ['and none is decided, so that all are in two statuses', () => undecided],
])(
  'nor does one plan for all values, nor the count of each status, where 200,000 are there %s',
  async (_, filled) => {
    for (const mode of ['force_generic_plan', 'auto'] as const) {
      const narrowed = openPlanRecorder(filled().url, mode);
      onTestFinished(() => narrowed.end());
      const { db, during } = narrowed;
      for (const status of [null, 'submitted', 'approved'] as const) {
        for (const assignee of [null, 'me', 'nobody']) {
          for (const [news, ageDays] of [
            [null, null],
            ['waiting', null],
            ['texted', 7],
          ] as const) {
            const query = { ...everything, status, assignee, news, ageDays };
            const said = `${mode} ${status} ${assignee} ${news} ${ageDays}`;
            const { older } = await during(said, () => listApplications(db, staff, query, now, 50));
            const after = older ?? undefined;
            await during(`${said}, older`, () => listApplications(db, staff, { ...query, after }, now, 50));
          }
        }
      }
      await during(`${mode}, counts`, () => countByStatus(db, staff));
      await during(`${mode}, counts of a broker`, () => countByStatus(db, broker));
      await during(`${mode}, broker`, () => listApplications(db, broker, everything, now, 50));
      await during(`${mode}, bulk`, async () => {
        const { page } = await matchApplications(db, staff, { ...everything, news: 'waiting' }, now, 10_001);
        await db.execute(page);
      });
      await expectNoBigReads({ of: narrowed, big: new Set(['applications']) });
    }
  },
  120_000,
);

test('nor does anything that people do with one application, or what is decided about it, and every index is of use', async () => {
  const { db, during } = recorder;
  const applicant = await giveApplicant(database.db);
  const at = (seconds: number) => contextAt(after(now, seconds));
  const fault = (notice: string, error: unknown) => {
    throw new Error(notice, { cause: error });
  };
  const { id, version } = await during('start and hand in', () => giveSubmitted(db, applicant, now));
  await during('my applications', () => listMyApplications(db, applicant.userId, now, { limit: 20 }));
  await during('my application', () => readMyApplication(db, applicant.userId, id, now));
  const move = (to: 'in_review' | 'documents_needed', on: number, seconds: number) =>
    during('move', () => moveApplication(db, staff, { id, to, version: on, note: 'A lease' }, at(seconds)));
  const first = await move('in_review', version, 10);
  if (!first.ok) throw new Error(first.reason);
  await during('undo', () => undoMove(db, staff, { id, eventId: first.eventId }, at(11)));
  await move('documents_needed', version + 2, 20);
  await during('decide', () => decideNotices(db, after(now, 40), { onFault: fault }));
  await during('follow', () => followTexts(db, after(now, 200), { onFault: fault }));
  await during('answer', () => answerApplication(db, applicant, { id, note: 'Here' }, at(60)));
  await during('answer by text', () =>
    db.transaction((tx) =>
      takeTextAnswer(tx, {
        userId: applicant.userId,
        messageId: randomUUID(),
        body: 'Here',
        sentAt: after(now, 61),
      }),
    ),
  );
  await during('note', () => addNote(db, staff, { id, note: 'x', internalNote: null }, at(62)));
  const assignee = { id, assigneeId: seerOf(3), seenAssigneeId: null, version: version + 5 };
  await during('assign', () => assignApplication(db, staff, assignee, at(63)));
  await during('an account ends', () =>
    db.transaction(async (tx) => {
      await eraseApplications(tx, applicant.userId, now);
      await deleteUser(tx, applicant.userId);
    }),
  );
  await during('one of the operator’s people leaves', () =>
    db.transaction((tx) => deleteUser(tx, seerOf(40))),
  );
  await during('housekeeping', async () => {
    const before = new Date(now.getTime() - 700 * 24 * 3600 * 1000);
    await pruneDrafts(db, before, 100);
    await pruneApplications(db, before, 100);
  });
  await during('moves in bulk', () => moveInBulk(db));
  await expectNoBigReads({ except: 'leaves' });

  const read = new Set(
    recorder.ran.flatMap(({ journey, plan }) => (journey === null ? [] : listIndexesOf(plan))),
  );
  const idle = [...(await readIndexes(database.pool))].filter(
    ([name, { isUnique, table }]) => !isUnique && table.startsWith('application') && !read.has(name),
  );
  expect(idle.map(([name]) => name)).toEqual([]);
}, 120_000);

/** Moves what is found by a search and what is checked, and looks at it, as a person and their worker do. */
async function moveInBulk(db: Db): Promise<void> {
  const person = await giveSettledPerson(database.db, { role: 'staff', now });
  const mover = await readSessionOf(database.db, person, now);
  const context = contextAt(after(now, 1));
  const { rows: some } = await database.db.execute<{ id: string }>(
    `select id from applications where status = 'submitted' order by moved_at limit 30`,
  );
  const query = { ...everything, status: 'in_review' as const, assignee: 'nobody' };
  for (const selection of [{ query }, { ids: some.map(({ id }) => id) }]) {
    const made = await draftBulkMove(db, mover, selection, context);
    if (!made.ok) throw new Error(made.reason);
    const { id } = made;
    await aimBulkMove(db, mover, { id, to: 'documents_needed', note: 'A lease' }, context);
    await readBulkPage(db, mover, id, after(now, 2));
    await countNextForecast(db, after(now, 2), async () => true);
    expect(await startBulkMove(db, mover, id, context)).toEqual({ ok: true });
    const onFault = (_about: unknown, error: unknown) => {
      throw error;
    };
    expect(await moveNextItems(db, after(now, 3), { most: 100, onFault })).toBe('moved');
    await pauseBulkMove(db, mover, id, context);
    await stopBulkMove(db, mover, id, context);
    await readBulkPage(db, mover, id, after(now, 4));
    for await (const line of (await openMissingList(db, mover, id, String, context))!)
      expect(line).not.toBe('');
    await draftMissing(db, mover, id, context);
    await listBulkMoves(db, mover);
  }
  await pruneBulkMoves(db, after(now, 40 * 24 * 3600), 1_000);
}

/** `except`: a journey that is about as many rows as one person has dealt with. */
async function expectNoBigReads({
  except = null,
  of = recorder,
  big = new Set(everyTable),
}: { except?: string | null; of?: PlanRecorder; big?: ReadonlySet<string> } = {}): Promise<void> {
  const indexes = await readIndexes(database.pool);
  const faults = new Map<string, string>();
  for (const { journey, statement, plan } of of.ran) {
    if (journey === null || (except !== null && journey.includes(except))) continue;
    for (const { table, fault } of findBigReads(plan, { big, indexes, mostRows }))
      faults.set(`${table}: ${fault}, by: ${statement.slice(0, 300)}`, journey);
  }
  expect([...faults].map(([fault, journey]) => `${fault}\n  (${journey})`)).toEqual([]);
}
