import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Navigation from 'next/navigation';
import { createElement, type ReactNode } from 'react';
import { prerenderToNodeStream } from 'react-dom/static';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { markShown, type SessionUser } from '@/lib/accounts/sessions';
import { formatPhone } from '@/lib/phone/parse';
import { useDatabase } from '../support/database';
import { newPhone } from '../support/people';
import { findBigReads, openPlanRecorder, readIndexes, type PlanRecorder } from '../support/plans';
import { findRoutes } from '../support/routes';
import { giveSettledPerson, openSession, readSessionOf } from '../support/settled-person';
import { routeTable } from '../support/authorization-table';

const rows = 20_000;
const mostBytes = 300_000;
/** Of one step of one statement: a page of texts is the longest list. */
const mostRows = 200;

const root = fileURLToPath(new URL('../..', import.meta.url));
const visit = vi.hoisted(() => ({ db: null as unknown, user: null as unknown }));

vi.mock('@/db/client', () => ({ db: () => visit.db }));
vi.mock('@/lib/auth/sign-in/session', () => ({
  readUser: async () => visit.user,
  readEnrollingUser: async () => visit.user,
  requireUser: async () => visit.user,
  requireRole: async () => visit.user,
  requireEnrollingUser: async () => visit.user,
  readRequestContext: async () => ({ now: new Date(), address: '10.0.0.1', userAgent: 'test' }),
}));
vi.mock('next/headers', () => ({
  headers: async () => new Headers(),
  cookies: async () => ({ get: () => undefined, getAll: () => [] }),
}));

vi.mock('next/navigation', async (original) => ({
  ...(await original<typeof Navigation>()),
  useRouter: () => ({ refresh: () => undefined }),
}));

const database = useDatabase();
let recorder: PlanRecorder;
let verified: SessionUser;
let unverified: SessionUser;

/** Everything that a person can have many of, in an order in which people's rows lie between each other's. */
async function giveMany(people: readonly SessionUser[]): Promise<void> {
  const at = `now() - interval '1 second' * n`;
  const each = `generate_series(1, ${rows}) n, (select id, phone from users where id = any($1::uuid[])) person`;
  const statements = [
    `insert into sessions (id, user_id, created_at, last_seen_at, expires_at, address, user_agent)
     select gen_random_uuid(), person.id, ${at}, ${at}, now() + interval '1 day', '10.0.0.1', 'Mozilla/5.0 (X11; Linux x86_64)' from ${each}`,
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, language, sender, page)
     select ${at}, person.id, person.phone, scope, case when n % 2 = 1 then 'withdrawn' else 'granted' end, 'preferences',
       wording_version, wording, language, sender, page
     from ${each}, lateral (select * from sms_consents where user_id = person.id and scope = 'updates' limit 1) given order by n`,
    `insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by, user_id)
     select ${at}, person.phone, 'opted_out', 'web', array['updates'], 'person', person.id from ${each}`,
    `insert into audit_log (at, action, user_id, actor_id, address, user_agent)
     select ${at}, case when n % 2 = 0 then 'signed_in' else 'data_exported' end, person.id, person.id, '10.0.0.1', 'test' from ${each}`,
    // The newest are those that the page leaves out.
    `insert into audit_log (at, action, user_id, actor_id)
     select now(), case when n % 2 = 0 then 'quiet_hours_changed' else 'sms_preferences_changed' end, person.id, person.id from ${each}`,
    `insert into sms_verification_log (at, event, phone, user_id, address, user_agent)
     select ${at}, 'wrong_code', person.phone, person.id, '10.0.0.1', 'test' from ${each}`,
    `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at, ended_at, ended_by)
     select gen_random_uuid(), person.id, person.phone, 'prove', 'x', ${at}, ${at}, ${at}, ${at}, 'expired' from ${each}`,
    `insert into sms_messages (id, user_id, phone, purpose, template, params, created_at, send_after, status, sent_at, delivered_at)
     select gen_random_uuid(), person.id, person.phone, 'update', 'applicationStatus',
       '{"title": "A home", "status": "received", "url": "http://localhost"}', ${at}, ${at}, 'delivered', ${at}, ${at} from ${each}`,
    `insert into sms_messages (id, phone, purpose, template, params, created_at, send_after, status, sent_at, delivered_at)
     select gen_random_uuid(), person.phone, 'reply', 'help', '{}', ${at}, ${at}, 'delivered', ${at}, ${at} from ${each}`,
    `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
     select gen_random_uuid(), person.id, 'A home', repeat('x', 4000), 'submitted', ${at}, ${at} from ${each}`,
    `insert into application_events (application_id, at, kind, to_status, actor_id, actor_role, shows_at)
     select id, moved_at, 'moved', 'submitted', applicant_id, 'applicant', moved_at from applications
     where applicant_id = any($1::uuid[])`,
    `insert into mails (id, user_id, to_address, template, params, created_at, send_after, expires_at, sent_at)
     select gen_random_uuid(), person.id, 'someone@example.com', 'confirmEmail', '{}', ${at}, ${at}, ${at}, ${at} from ${each}`,
  ];
  const ids = people.map(({ userId }) => userId);
  for (const statement of statements) await database.pool.query(statement, [ids]);
  // Who has more sessions than an account may have is rid of them with the next sign-in.
  for (const userId of ids) await openSession(database.db, userId, new Date());
}

async function givePersonWith(phone: string): Promise<SessionUser> {
  const person = await giveSettledPerson(database.db, { phone, now: new Date(Date.now() - 86_400_000) });
  await markShown(database.db, { sessionId: person.sessionId, factor: 'password' }, new Date());
  return readSessionOf(database.db, person, new Date());
}

beforeAll(async () => {
  verified = await givePersonWith(newPhone());
  unverified = await givePersonWith(newPhone());
  await giveMany([verified, unverified]);
  await database.pool.query(
    'update phone_numbers set holder_user_id = null, held_since = null where number = $1',
    [unverified.phone],
  );
  await database.pool.query('vacuum analyze');
  recorder = openPlanRecorder(database.url);
  visit.db = recorder.db;
});
afterAll(() => recorder.end());

type PageFile = { default: (props: { searchParams: Promise<Record<string, string>> }) => Promise<ReactNode> };

/** The page as a browser gets it, without the layout around it. */
async function render(file: string, user: SessionUser, search: Record<string, string> = {}): Promise<string> {
  visit.user = user;
  const { default: Page } = (await import(/* @vite-ignore */ join(root, file))) as PageFile;
  const page = createElement(() => Page({ searchParams: Promise.resolve(search) }) as unknown as ReactNode);
  const { prelude } = await prerenderToNodeStream(page);
  let html = '';
  for await (const chunk of prelude) html += String(chunk);
  return html;
}

const pages = findRoutes().filter(
  ({ name, isPage }) =>
    isPage && routeTable[name]!.applicant === 'shown' && routeTable[name]!.nobody === 'sign_in',
);

test('there are pages of people who are signed in to speak of', () => {
  expect(pages.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['GET /dashboard', 'GET /users/security', 'GET /users/sms-preferences/record']),
  );
});

test.each(pages)(
  '$name stays small, and reads little, however many rows its person has',
  async ({ name, file }) => {
    const user = name === 'GET /users/verify-phone' ? unverified : verified;
    const html = await recorder.during(name, () => render(file, user));
    expect(html).toContain('<h1');
    expect(html.length).toBeLessThan(mostBytes);

    const indexes = await readIndexes(database.pool);
    const big = new Set([...indexes.values()].map(({ table }) => table));
    const ran = recorder.ran.filter(({ journey }) => journey === name);
    const faults = ran.flatMap(({ statement, plan }) =>
      findBigReads(plan, { big, indexes, mostRows })
        .filter(({ fault }) => fault.endsWith('rows read'))
        .map(({ table, fault }) => `${table}: ${fault}: ${statement.slice(0, 300)}`),
    );
    expect(faults).toEqual([]);
  },
);

test('what was looked at are statements of every list', () => {
  const read = recorder.ran.map(({ statement }) => statement).join();
  for (const table of ['sessions', 'sms_consents', 'sms_messages', 'audit_log', 'sms_verification_log']) {
    expect(read).toContain(table);
  }
});

test('agreements and texts go on from page to page by themselves, each shown once', async () => {
  const user = await givePersonWith(newPhone());
  const numbers = Array.from({ length: 45 }, () => newPhone());
  await database.pool.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
     select now(), $1, phone, 'updates', 'withdrawn', 'preferences', 'Doorstep' from unnest($2::text[]) phone`,
    [user.userId, numbers],
  );
  const record = 'app/users/sms-preferences/record/page.tsx';
  const before = `${Date.now()}_ffffffff-ffff-4fff-8fff-ffffffffffff`;
  let search: Record<string, string> | null = { before };
  const shown: string[] = [];
  let pagesRead = 0;
  while (search !== null) {
    pagesRead += 1;
    const html = await render(record, user, search);
    expect(html).toContain('There are no older texts.');
    shown.push(
      ...[...html.matchAll(/For (\(\d{3}\) \d{3}-\d{4}), in your text preferences/g)].map((m) => m[1]!),
    );
    const href = /href="([^"]+)"[^>]*>Older agreements/.exec(html)?.[1]?.replaceAll('&amp;', '&');
    search = href ? Object.fromEntries(new URL(href, 'http://localhost').searchParams) : null;
    if (search !== null) expect(search.before).toBe(before);
  }
  expect(pagesRead).toBe(3);
  expect(shown).toEqual(numbers.map(formatPhone).reverse());
});
