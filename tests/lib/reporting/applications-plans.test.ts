import { afterAll, beforeAll, expect, test } from 'vitest';
import { readApplicationPage } from '@/lib/reporting/application-page';
import {
  ages,
  readApplicationsPage,
  seenNews,
  seenStatuses,
  type ApplicationsQuery,
} from '@/lib/reporting/applications-list';
import { parsePeopleSearch } from '@/lib/reporting/people';
import { useDatabase } from '@/tests/support/database';
import { fillApplications, seerOf } from '@/tests/support/many-applications';
import { findBigReads, openPlanRecorder, readIndexes, type PlanRecorder } from '@/tests/support/plans';

const rows = 200_000;

/** One step may read so many rows: a page of each status, and a thousand and one of each to count them. */
const mostRows = 6 * 1_001;

const database = useDatabase();
const now = new Date();
const everything: ApplicationsQuery = {
  search: null,
  status: null,
  assignee: null,
  ageDays: null,
  news: null,
  after: undefined,
};

let recorder: PlanRecorder;

beforeAll(async () => {
  await fillApplications(database.pool, { rows, now });
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
  for (const typed of ['Person 77', 'person', 'applicant5@', '0077', 'paper 1', 'zzz']) {
    const parsed = parsePeopleSearch(typed);
    const search = parsed.ok ? parsed.search : null;
    await during(`search: ${typed}`, () => readApplicationsPage(db, staff, { ...everything, search }, now));
    await during(`broker, search: ${typed}`, () =>
      readApplicationsPage(db, broker, { ...everything, search }, now),
    );
  }
  await during('broker', () => readApplicationsPage(db, broker, everything, now));
  const { applications } = await readApplicationsPage(db, staff, everything, now);
  const { id } = applications[0]!;
  const shown = await during('one', () => readApplicationPage(db, staff, id, { eventsBefore: null, now }));
  expect(shown?.application.id).toBe(id);

  const indexes = await readIndexes(database.pool);
  const big = new Set([
    'applications',
    'application_events',
    'application_notices',
    'sms_messages',
    'sms_preferences',
    'users',
  ]);
  const faults = new Map<string, string>();
  for (const { journey, statement, plan } of recorder.ran) {
    if (journey === null) continue;
    for (const { table, fault } of findBigReads(plan, { big, indexes, mostRows }))
      faults.set(`${table}: ${fault}, by: ${statement.slice(0, 300)}`, journey);
  }
  expect([...faults].map(([fault, journey]) => `${fault}\n  (${journey})`)).toEqual([]);
}, 400_000);
