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
  peopleRoutes,
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
import { giveApp, giveSecondStep, twoFactorPaths } from '../support/staff';
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
      const isListed = visitor === 'admin' && peopleRoutes.includes(name);
      for (const personal of [...(isListed ? [] : [other.email, other.name]), other.phone!.slice(2)]) {
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
    const { passkeyId, deviceId } = await giveFactors(other);
    const applicationId = await giveApplication(other.id);
    const before = await readAllOf(other);
    let entered = await enter(visitor, openBrowser);
    for (const action of findServerActions()) {
      if (!(await isStillIn(visitor, entered.context))) entered = await enter(visitor, openBrowser);
      const response = await callAction(entered.context.request, action, {
        // What a forged form could name of someone else.
        ...{ sessionId, passkeyId, deviceId },
        ...{ id: applicationId, title: 'Mine', note: 'Mine' },
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
        recoveryCode: '0'.repeat(24),
        passkey: '{}',
        passkeyName: 'Mine',
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
    case 204:
      return 'nothing';
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
      if (new URL(to, readRun().appUrl).pathname === twoFactorPaths.factors) return 'enroll';
      if (new URL(to, readRun().appUrl).pathname === '/admin') return 'moved';
      if (new URL(to, readRun().appUrl).pathname === paths.dashboard) return 'inside';
  }
  return `${response.status()} ${to}`;
}

async function readActionAnswer(response: APIResponse): Promise<ActionAnswer | string> {
  if (response.status() === 403) return 'forbidden';
  const to = response.headers()['x-action-redirect'] ?? '';
  if (to.startsWith('/users/login?next=')) return 'sign_in';
  // What is done on that page leads back to it, with a word about it.
  if (to.startsWith(`${twoFactorPaths.factors};`)) return 'enroll';
  if (response.status() >= 400) return `${response.status()} ${await response.text()}`;
  const refused = /You are no longer signed in|Your account needs a second factor before anything else/;
  return refused.test(await response.text()) ? 'told' : 'heard';
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
  // React's encoding of arguments: `$K1` is the form whose fields begin with `_1_`.
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
  const role = roleOf(visitor);
  const phone = role === 'applicant' ? newNumber() : null;
  const person = await makePerson(role, { phone, verified: false, pending });
  const app = role === 'applicant' || visitor === 'enrolling' ? null : await giveApp(person);
  const page = await context.newPage();
  await signIn(page, { email: person.email, password });
  if (app !== null) {
    await expectPage(page, twoFactorPaths.secondStep);
    if (visitor !== 'halfway') await giveSecondStep(page, app.nextCode());
  }
  await expectPage(page, homeOf(visitor));
  await page.close();
  return { context };
}

function roleOf(visitor: Exclude<Visitor, 'nobody'>): 'applicant' | 'broker' | 'staff' | 'admin' {
  if (visitor === 'halfway') return 'broker';
  if (visitor === 'enrolling') return 'staff';
  return visitor === 'pending' ? 'applicant' : visitor;
}

/** The page that a visitor's browser has come to, and that is open to it for as long as it is theirs. */
function homeOf(visitor: Exclude<Visitor, 'nobody'>): string {
  if (visitor === 'halfway') return twoFactorPaths.secondStep;
  if (visitor === 'enrolling') return twoFactorPaths.factors;
  return visitor === 'pending' ? paths.code : paths.dashboard;
}

/** Of everyone's password: made once, since making it is slow on purpose. */
let hash: ReturnType<typeof hashPassword> | undefined;

/** An action may have ended the session, or the account, of whoever called it. */
async function isStillIn(visitor: Visitor, context: BrowserContext): Promise<boolean> {
  if (visitor === 'nobody') return (await context.cookies()).length === 0;
  return (await context.request.get(homeOf(visitor), { maxRedirects: 0 })).status() === 200;
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

/** Gives someone an authenticator app, a passkey and a browser that they trust. */
async function giveFactors(person: Person): Promise<{ passkeyId: string; deviceId: string }> {
  await giveApp(person);
  const [passkeyId, deviceId] = [randomUUID(), randomUUID()];
  await database().query(
    `insert into passkeys (id, user_id, credential_id, public_key, counter, transports, name, backed_up, created_at)
     values ($1::uuid, $2, $1::text, '\\x00', 0, '{}', 'Theirs', false, now())`,
    [passkeyId, person.id],
  );
  await database().query(
    `insert into trusted_devices (id, user_id, token_hash, created_at, last_used_at, expires_at)
     values ($1, $2, '\\x00', now(), now(), now() + interval '1 day')`,
    [deviceId, person.id],
  );
  return { passkeyId, deviceId };
}

/** An application of someone, which waits for their answer. */
async function giveApplication(userId: string): Promise<string> {
  const id = randomUUID();
  await database().query(
    `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
     values ($1, $2, 'Theirs', '', 'documents_needed', now(), now())`,
    [id, userId],
  );
  return id;
}

/** Every row about a person, as it is now. */
async function readAllOf({ id, phone }: Person): Promise<unknown> {
  const tables = {
    users: 'id = $1',
    sessions: 'user_id = $1',
    pending_tokens: 'user_id = $1',
    passkeys: 'user_id = $1',
    totp_keys: 'user_id = $1',
    trusted_devices: 'user_id = $1',
    second_factor_tries: 'user_id = $1',
    sms_preferences: 'user_id = $1',
    sms_verifications: 'user_id = $1',
    sms_messages: 'user_id = $1',
    sms_consents: 'user_id = $1',
    applications: 'applicant_id = $1',
    application_events: 'application_id in (select id from applications where applicant_id = $1)',
  };
  const all: Record<string, unknown> = {};
  for (const [table, condition] of Object.entries(tables)) {
    all[table] = await readRows(`select * from ${table} where ${condition} order by 1`, [id]);
  }
  all.holder = await readRows('select holder_user_id from phone_numbers where number = $1', [phone]);
  return all;
}
