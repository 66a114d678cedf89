import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { APIRequestContext, APIResponse, BrowserContext } from 'playwright/test';
import { hashPassword } from '@/lib/accounts/password';
import { insertUser } from '@/lib/accounts/users';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import {
  actionTable,
  developmentRoutes,
  routeTable,
  visitors,
  type ActionAnswer,
  type RouteAnswer,
  type Visitor,
} from '../../tests/support/authorization-table';
import { findRoutes, findServerActions } from '../../tests/support/routes';
import { database, readRows } from '../support/database';
import { newNumber } from '../support/people';
import { expectPage, paths, signIn } from '../support/journeys';
import { readRun } from '../support/run';
import { expect, test } from '../support/test';

const password = 'violet kettle mosaic';

type Person = { id: string; email: string; name: string; phone: string | null };

test.describe.configure({ timeout: 120_000 });

for (const visitor of visitors) {
  test(`${visitor} gets from every page and route what the table says, and nothing of another person`, async ({
    openBrowser,
  }) => {
    const other = await makePerson('applicant', { phone: newNumber(), verified: true });
    const { context } = await enter(visitor, openBrowser);
    for (const { name } of findRoutes()) {
      const [method = '', path = ''] = name.split(' ');
      const response = await context.request.fetch(path, { method, maxRedirects: 0 });
      expect.soft(readRouteAnswer(response), `${visitor}: ${name}`).toBe(routeTable[name]![visitor]);
      expect.soft(response.status(), `${visitor}: ${name}`).toBeLessThan(500);
      if (developmentRoutes.includes(name)) continue;
      const body = await response.text();
      for (const personal of [other.email, other.name, other.phone!.slice(2)]) {
        expect
          .soft(body.replace(/[() -]/g, ''), `${visitor}: ${name}`)
          .not.toContain(personal.replace(/[() -]/g, ''));
      }
    }
  });

  test(`${visitor} is answered by every server action as the table says, and changes nothing of another person`, async ({
    openBrowser,
  }) => {
    const other = await makePerson('applicant', { phone: newNumber(), verified: true });
    const sessionId = await openSession(other.id);
    const before = await readAllOf(other);
    let entered = await enter(visitor, openBrowser);
    for (const action of findServerActions()) {
      if (!(await isStillIn(visitor, entered.context))) entered = await enter(visitor, openBrowser);
      const response = await callAction(entered.context.request, action, {
        // What a forged form could name of someone else.
        sessionId,
        userId: other.id,
        email: other.email,
        phone: other.phone!,
        shownPhone: '',
        number: other.phone!,
        currentPassword: password,
        newPassword: password,
        confirmDelete: 'on',
        tcpaConsent: 'on',
        smsEnabled: 'on',
        version: '1',
        code: '000000',
        message: randomUUID(),
        outcome: 'delivered',
        body: '',
      });
      const answer = await readActionAnswer(response);
      expect.soft(answer, `${visitor}: ${action.name}`).toBe(actionTable[action.name]!.answers[visitor]);
    }
    expect(await readAllOf(other)).toEqual(before);
  });
}

function readRouteAnswer(response: APIResponse): RouteAnswer | string {
  const to = response.headers().location ?? '';
  switch (response.status()) {
    case 200:
      return 'shown';
    case 401:
      return 'unauthorized';
    case 403:
    case 405:
      return 'forbidden';
    case 404:
      return 'not_found';
    case 303:
    case 307:
      if (/\/users\/login\?next=%2F/.test(to)) return 'sign_in';
      if (new URL(to, readRun().appUrl).pathname === paths.dashboard) return 'inside';
  }
  return `${response.status()} ${to}`;
}

async function readActionAnswer(response: APIResponse): Promise<ActionAnswer | string> {
  if (response.status() === 403) return 'forbidden';
  if (response.headers()['x-action-redirect']?.startsWith('/users/login?next=')) return 'sign_in';
  if (response.status() >= 400) return `${response.status()} ${await response.text()}`;
  return (await response.text()).includes('You are no longer signed in') ? 'told' : 'heard';
}

type Manifest = {
  node: Record<string, { workers: Record<string, unknown>; filename: string; exportedName: string }>;
};

let manifest: Manifest | undefined;

/** Calls an action as React does from a page that has it; `fields` go along where it takes a form. */
async function callAction(
  request: APIRequestContext,
  action: { name: string; parameters: number },
  fields: Record<string, string>,
): Promise<APIResponse> {
  manifest ??= JSON.parse(
    readFileSync(join(process.cwd(), '.next/server/server-reference-manifest.json'), 'utf8'),
  ) as Manifest;
  const [id, found] =
    Object.entries(manifest.node).find(
      ([, { filename, exportedName }]) => `${filename}#${exportedName}` === action.name,
    ) ?? [];
  if (!id || !found) throw new Error(`The build knows no action ${action.name}`);
  // Any page that has it would do, but the one for what is not found answers 404 besides.
  const page =
    Object.keys(found.workers)
      .find((worker) => !worker.startsWith('app/_not-found'))!
      .replace(/^app/, '')
      .replace(/\/page$/, '') || '/';
  // React's encoding of arguments: `$K1` stands for the form whose fields begin with `_1_`.
  const args = action.parameters === 0 ? [] : action.parameters === 1 ? ['$K1'] : [{}, '$K1'];
  const multipart = new FormData();
  if (action.parameters > 0) {
    for (const [name, value] of Object.entries(fields)) multipart.append(`_1_${name}`, value);
  }
  // The arguments come last: what they refer to is read before them.
  multipart.append('0', JSON.stringify(args));
  return request.fetch(page, {
    method: 'POST',
    headers: { 'next-action': id, origin: readRun().appUrl, accept: 'text/x-component' },
    multipart,
    maxRedirects: 0,
  });
}

/** A browser of a new person of this kind. */
async function enter(
  visitor: Visitor,
  openBrowser: () => Promise<BrowserContext>,
): Promise<{ context: BrowserContext }> {
  const context = await openBrowser();
  if (visitor === 'nobody') return { context };
  const pending = visitor === 'pending';
  const role = pending ? 'applicant' : visitor;
  const phone = role === 'applicant' ? newNumber() : null;
  const person = await makePerson(role, { phone, verified: false, pending });
  const page = await context.newPage();
  await signIn(page, { email: person.email, password });
  await expectPage(page, pending ? paths.code : paths.dashboard);
  await page.close();
  return { context };
}

/** Of everyone's password: made once, since making it is slow on purpose. */
let hash: ReturnType<typeof hashPassword> | undefined;

/** An action may have ended the session, or the account, of whoever called it. */
async function isStillIn(visitor: Visitor, context: BrowserContext): Promise<boolean> {
  if (visitor === 'nobody') return (await context.cookies()).length === 0;
  const path = visitor === 'pending' ? paths.code : paths.dashboard;
  return (await context.request.get(path, { maxRedirects: 0 })).status() === 200;
}

async function makePerson(
  role: 'applicant' | 'broker' | 'staff' | 'admin',
  { phone, verified, pending = false }: { phone: string | null; verified: boolean; pending?: boolean },
): Promise<Person> {
  const id = randomUUID();
  const name = `Robin ${id.slice(0, 8)}`;
  const email = `${id}@example.com`;
  hash ??= hashPassword(password);
  const hashed = await hash;
  if (!hashed.ok) throw new Error(hashed.reason);
  const db = drizzle(database());
  const now = new Date();
  await insertUser(db, { id, email, name, role, passwordHash: hashed.value, phone, active: !pending, now });
  await createPreferences(db, { userId: id, enabled: verified, timeZone: null, now });
  if (verified) {
    await database().query(
      'insert into phone_numbers (number, holder_user_id, held_since) values ($1, $2, now())',
      [phone, id],
    );
  }
  return { id, email, name, phone };
}

async function openSession(userId: string): Promise<string> {
  const id = randomUUID();
  await database().query(
    `insert into sessions (id, user_id, created_at, last_seen_at, expires_at)
     values ($1, $2, now(), now(), now() + interval '1 day')`,
    [id, userId],
  );
  return id;
}

/** Every row about a person, as it stands. */
async function readAllOf({ id, phone }: Person): Promise<unknown> {
  const tables = {
    users: 'id = $1',
    sessions: 'user_id = $1',
    pending_tokens: 'user_id = $1',
    sms_preferences: 'user_id = $1',
    sms_verifications: 'user_id = $1',
    sms_messages: 'user_id = $1',
    sms_consents: 'user_id = $1',
  };
  const all: Record<string, unknown> = {};
  for (const [table, condition] of Object.entries(tables)) {
    all[table] = await readRows(`select * from ${table} where ${condition} order by 1`, [id]);
  }
  all.holder = await readRows('select holder_user_id from phone_numbers where number = $1', [phone]);
  return all;
}
