import { beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '@/db/schema/accounts';
import type { ApplicationStatus, NewsState } from '@/db/schema/applications';
import { addAnswer, addNote, assignApplication } from '@/lib/applications/add-to-timeline';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { insertUser } from '@/lib/accounts/users';
import { newId } from '@/lib/random';
import {
  countByStatus,
  listApplications,
  listAssignable,
  readApplicationsPage,
  type ApplicationsQuery,
} from '@/lib/reporting/applications-list';
import { parsePeopleSearch } from '@/lib/reporting/people';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';

const database = useDatabase();
const everything: ApplicationsQuery = {
  search: null,
  status: null,
  assignee: null,
  ageDays: null,
  news: null,
  after: undefined,
};

const ids: Record<string, string> = {};
const titles = new Map<string, string>();

async function give(name: string, role: Role, email: string, phone: string | null = null): Promise<void> {
  const id = newId();
  ids[name] = id;
  const person = { id, email, name, role, phone, passwordHash: '-', active: true, now: noon };
  await insertUser(database.db, person);
}

async function apply(
  title: string,
  application: {
    by: string | null;
    name?: string;
    status: ApplicationStatus;
    to?: string;
    hoursAgo: number;
    news?: NewsState;
    answered?: boolean;
  },
): Promise<void> {
  const { by, name = null, status, to, hoursAgo, news = null, answered = false } = application;
  const id = newId();
  titles.set(id, title);
  const at = after(noon, -hoursAgo * 3600);
  await database.pool.query(
    `insert into applications (id, applicant_id, applicant_name, title, message, status, assignee_id, created_at, moved_at,
       answered_at, news) values ($1, $2, $3, $4, '-', $5, $6, $7, $7, $8, $9)`,
    [id, by && ids[by], name, title, status, to ? ids[to] : null, at, answered ? noon : null, news],
  );
}

beforeAll(async () => {
  await give('Alma Adams', 'applicant', 'alma@example.com', '+15552000001');
  await give('Alan Brown', 'applicant', 'brown@example.com');
  await give('Bea Broker', 'broker', 'bea@example.com');
  await give('Bo Broker', 'broker', 'bo@example.com');
  await give('Sam Staff', 'staff', 'sam@example.com');
  await give('Ada Admin', 'admin', 'ada@example.com');
  await apply('Draft', { by: 'Alma Adams', status: 'draft', hoursAgo: 1 });
  await apply('Draft of a broker', { by: 'Bea Broker', status: 'draft', to: 'Bea Broker', hoursAgo: 1 });
  await apply('New', { by: 'Alma Adams', status: 'submitted', hoursAgo: 2 });
  await apply('Bea’s', {
    by: 'Alma Adams',
    status: 'in_review',
    to: 'Bea Broker',
    hoursAgo: 30,
    news: 'texted',
  });
  await apply('Asked', {
    by: 'Alan Brown',
    status: 'documents_needed',
    to: 'Bea Broker',
    hoursAgo: 80,
    news: 'mailed',
    answered: true,
  });
  await apply('Sam’s', {
    by: 'Alan Brown',
    status: 'approved',
    to: 'Sam Staff',
    hoursAgo: 200,
    news: 'unreached',
  });
  await apply('On paper', { by: null, name: 'Albert Paper', status: 'submitted', hoursAgo: 3 });
  await apply('Of nobody', { by: null, status: 'withdrawn', hoursAgo: 300, news: 'waiting' });
});

const viewerOf = (name: string, role: Role) => ({ userId: ids[name]!, role });
const staff = () => viewerOf('Sam Staff', 'staff');
const broker = () => viewerOf('Bea Broker', 'broker');

const list = async (viewer: ReturnType<typeof viewerOf>, changes: Partial<ApplicationsQuery> = {}) => {
  const query = { ...everything, ...changes };
  const { applications } = await listApplications(database.db, viewer, query, noon, 50);
  return applications.map(({ title }) => title);
};
const find = (
  viewer: ReturnType<typeof viewerOf>,
  typed: string,
  changes: Partial<ApplicationsQuery> = {},
) => {
  const parsed = parsePeopleSearch(typed);
  return parsed.ok ? list(viewer, { ...changes, search: parsed.search }) : [];
};

const all = ['New', 'On paper', 'Bea’s', 'Asked', 'Sam’s', 'Of nobody'];

describe('the list', () => {
  test('shows staff and admins all that was handed in, newest move first, and no draft', async () => {
    expect(await list(staff())).toEqual(all);
    expect(await list(viewerOf('Ada Admin', 'admin'))).toEqual(all);
  });

  test('shows a broker what is assigned to them, whatever they ask for', async () => {
    expect(await list(broker())).toEqual(['Bea’s', 'Asked']);
    expect(await list(viewerOf('Bo Broker', 'broker'))).toEqual([]);
    expect(await list(broker(), { assignee: 'nobody' })).toEqual([]);
    expect(await list(broker(), { assignee: ids['Sam Staff']! })).toEqual([]);
    expect(await find(broker(), 'alma')).toEqual(['Bea’s']);
    expect(await find(broker(), 'albert')).toEqual([]);
    expect(await find(broker(), '+1 555 200 0001')).toEqual(['Bea’s']);
  });

  test('tells nobody the digits of a number that is masked', async () => {
    for (const digits of ['0001', '00001', '200 0001', '52000001']) {
      expect(await find(broker(), digits)).toEqual([]);
      expect(await find(staff(), digits)).toEqual(digits === '0001' ? ['New', 'Bea’s'] : []);
    }
    for (const whole of ['+15552000001', '1 555 200 0001']) {
      expect(await find(broker(), whole)).toEqual(['Bea’s']);
      expect(await find(staff(), whole)).toEqual(['New', 'Bea’s']);
    }
  });

  test('shows an applicant nothing of anyone else', async () => {
    expect(await list(viewerOf('Alan Brown', 'applicant'))).toEqual(['Asked', 'Sam’s']);
  });

  test.each([
    [{ status: 'submitted' }, ['New', 'On paper']],
    [{ assignee: 'me' }, ['Sam’s']],
    [{ assignee: 'nobody' }, ['New', 'On paper', 'Of nobody']],
    [{ ageDays: 1 }, ['Bea’s', 'Asked', 'Sam’s', 'Of nobody']],
    [{ ageDays: 3 }, ['Asked', 'Sam’s', 'Of nobody']],
    [{ ageDays: 7 }, ['Sam’s', 'Of nobody']],
    [{ news: 'waiting' }, ['Of nobody']],
    [{ news: 'texted' }, ['Bea’s']],
    [{ news: 'mailed' }, ['Asked']],
    [{ news: 'unreached' }, ['Sam’s']],
    [{ news: 'unreached', assignee: 'me', ageDays: 7, status: 'approved' }, ['Sam’s']],
    [{ news: 'unreached', status: 'submitted' }, []],
    [{ assignee: 'somebody' }, all],
    [{ after: 'nonsense' }, all],
  ] as const)('narrowed down by %j has %j', async (changes, found) => {
    expect(await list(staff(), changes)).toEqual(found);
  });

  test('narrowed down to a person has what they see to', async () => {
    expect(await list(staff(), { assignee: ids['Bea Broker']! })).toEqual(['Bea’s', 'Asked']);
  });

  test.each([
    ['al', ['New', 'On paper', 'Bea’s', 'Asked', 'Sam’s']],
    ['ALMA', ['New', 'Bea’s']],
    ['albert p', ['On paper']],
    ['brown@', ['Asked', 'Sam’s']],
    ['brown', ['Asked', 'Sam’s']],
    ['(555) 200-0001', ['New', 'Bea’s']],
    ['0001', ['New', 'Bea’s']],
    ['%', []],
    ['_', []],
    ['New', []],
    ["'; drop table users; --", []],
  ])('searched for %j has the applications of those people: %j', async (typed, found) => {
    expect(await find(staff(), typed)).toEqual(found);
  });

  test('is searched and narrowed down at once', async () => {
    expect(await find(staff(), 'al', { status: 'submitted' })).toEqual(['New', 'On paper']);
    expect(await find(staff(), 'al', { assignee: 'me' })).toEqual(['Sam’s']);
  });

  test('says of each who applies, who sees to it, what became of the news, and whether there is an answer', async () => {
    const { applications } = await listApplications(database.db, staff(), everything, noon, 50);
    const byTitle = new Map(applications.map((application) => [application.title, application]));
    expect(byTitle.get('Asked')).toMatchObject({
      applicant: 'Alan Brown',
      assignee: 'Bea Broker',
      news: 'mailed',
      textStatus: null,
      isAnswered: true,
      since: after(noon, -80 * 3600),
    });
    expect(byTitle.get('On paper')).toMatchObject({ applicant: 'Albert Paper', assignee: null, news: null });
    expect(byTitle.get('Of nobody')).toMatchObject({ applicant: null });
    expect(applications.filter(({ isAnswered }) => isAnswered)).toHaveLength(1);
  });
});

test('each status is counted, of what someone sees', async () => {
  const none = { submitted: 0, in_review: 0, documents_needed: 0, approved: 0, declined: 0, withdrawn: 0 };
  expect(await countByStatus(database.db, staff())).toEqual({
    ...none,
    submitted: 2,
    in_review: 1,
    documents_needed: 1,
    approved: 1,
    withdrawn: 1,
  });
  expect(await countByStatus(database.db, broker())).toEqual({ ...none, in_review: 1, documents_needed: 1 });
});

test('everyone of the operator’s who can sign in can be given an application', async () => {
  expect((await listAssignable(database.db)).map(({ name }) => name)).toEqual([
    'Ada Admin',
    'Bea Broker',
    'Bo Broker',
    'Sam Staff',
  ]);
  expect((await readApplicationsPage(database.db, broker(), everything, noon)).assignable).toEqual([]);
});

test('pages hold each application once, also where many moved at the same moment, of several statuses', async () => {
  await give('Pat Pages', 'broker', 'pat@example.com');
  await give('Zoe Zero', 'applicant', 'zoe@example.com');
  const statuses = ['submitted', 'in_review', 'declined'] as const;
  for (let n = 0; n < 23; n += 1) {
    // A third at one moment, the others close to it.
    const hoursAgo = n % 3 === 0 ? 10 : 10 + Math.floor(n / 6) / 1000;
    await apply(`Page ${n}`, { by: 'Zoe Zero', status: statuses[n % 3]!, to: 'Pat Pages', hoursAgo });
  }
  const viewer = viewerOf('Pat Pages', 'broker');
  const whole = await list(viewer);
  expect(whole).toHaveLength(23);
  const parsed = parsePeopleSearch('zoe');
  const search = parsed.ok ? parsed.search : null;
  for (const [who, changes] of [
    [viewer, {}],
    [viewer, { search }],
    [staff(), { search }],
    [staff(), { assignee: viewer.userId }],
  ] as const) {
    const seen: string[] = [];
    let place: string | null | undefined;
    do {
      const query: ApplicationsQuery = { ...everything, ...changes, after: place ?? undefined };
      const page = await listApplications(database.db, who, query, noon, 5);
      seen.push(...page.applications.map(({ title }) => title));
      place = page.older;
    } while (place !== null);
    expect(seen).toEqual(whole);
  }
});

test('a status of more than a thousand is counted to one more than that', async () => {
  await database.pool.query(
    `insert into applications (id, title, message, status, created_at, moved_at)
     select gen_random_uuid(), 'Many', '-', 'declined', $1, $1 from generate_series(1, 1500)`,
    [noon],
  );
  expect((await countByStatus(database.db, staff())).declined).toBe(1_001);
});

test('where very many people are looked for it says so, and still finds all of what one person sees to', async () => {
  await database.pool.query(
    `insert into users (id, email, email_key, name, password_hash, role, created_at, password_changed_at)
     select gen_random_uuid(), 'wide' || n || '@example.com', 'wide' || n || '@example.com', 'Wide ' || lpad(n::text, 5, '0'), '-',
       'applicant', now(), now() from generate_series(1, 1100) n`,
  );
  const { rows } = await database.pool.query<{ id: string }>(
    `select id from users where name = 'Wide 01100'`,
  );
  ids['Wide 01100'] = rows[0]!.id;
  await apply('Far', { by: 'Wide 01100', status: 'submitted', to: 'Bo Broker', hoursAgo: 5 });
  const parsed = parsePeopleSearch('wide');
  const query = { ...everything, search: parsed.ok ? parsed.search : null };
  const titlesOf = async (viewer: ReturnType<typeof viewerOf>, changes: Partial<ApplicationsQuery> = {}) => {
    const page = await listApplications(database.db, viewer, { ...query, ...changes }, noon, 50);
    return [page.isTooWide, page.applications.map(({ title }) => title)];
  };
  expect(await titlesOf(staff())).toEqual([true, []]);
  expect(await titlesOf(staff(), { assignee: ids['Bo Broker']! })).toEqual([false, ['Far']]);
  expect(await titlesOf(viewerOf('Bo Broker', 'broker'))).toEqual([false, ['Far']]);
  expect(await find(staff(), 'wide 01100')).toEqual(['Far']);
});

test('a text that answers nothing that was asked is marked, until someone moves the application or writes a note', async () => {
  const { db } = database;
  await give('Theo Texter', 'applicant', 'theo@example.com');
  await give('Sue Staff', 'staff', 'sue@example.com');
  await apply('Texted', { by: 'Theo Texter', status: 'in_review', hoursAgo: 3 });
  const id = [...titles].find(([, title]) => title === 'Texted')![0];
  const sue = { userId: ids['Sue Staff']!, role: 'staff' as const };
  const theo = { applicationId: id, actorId: ids['Theo Texter']!, note: 'When?', now: noon };
  const parsed = parsePeopleSearch('Theo Texter');
  const search = parsed.ok ? parsed.search : null;
  const isMarked = async () => {
    const { applications } = await listApplications(db, sue, { ...everything, search }, noon, 10);
    return applications.find((each) => each.id === id)!.hasNewText;
  };
  expect(await isMarked()).toBe(false);
  await db.transaction((tx) => addAnswer(tx, { ...theo, isAsked: false }));
  expect(await isMarked()).toBe(true);
  await assignApplication(
    db,
    sue,
    { id, assigneeId: sue.userId, seenAssigneeId: null, version: 1 },
    contextAt(noon),
  );
  expect(await isMarked()).toBe(true);
  const moved = await moveApplication(db, sue, { id, to: 'approved', version: 1 }, contextAt(noon));
  expect(await isMarked()).toBe(false);
  await undoMove(db, sue, { id, eventId: moved.ok ? moved.eventId : 0 }, contextAt(noon));
  expect(await isMarked()).toBe(true);
  await addNote(db, sue, { id, note: 'On Friday.', internalNote: null }, contextAt(noon));
  expect(await isMarked()).toBe(false);
});
