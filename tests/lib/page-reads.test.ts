import { eq } from 'drizzle-orm';
import type { PoolClient } from 'pg';
import { describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { findUser } from '@/lib/accounts/users';
import {
  listMyApplications,
  readMyApplication,
  readMyApplicationsPage,
} from '@/lib/applications/my-applications';
import { saveDraft } from '@/lib/applications/write-application';
import { readDeletionPage } from '@/lib/auth/ending/deletion-page';
import { readCodePage } from '@/lib/auth/registration/code-page';
import { readSecurityPage } from '@/lib/auth/settings/security-page';
import { readFactorsPage } from '@/lib/auth/two-factor/factors-page';
import { readPasskeyOffer } from '@/lib/auth/two-factor/passkey-offer';
import { readMessagePage } from '@/lib/reporting/message-page';
import { readMessagesPage } from '@/lib/reporting/messages-page';
import { readPersonTexts } from '@/lib/reporting/person-texts';
import { sealPhoneId } from '@/lib/reporting/phone-id';
import { readPhonePage } from '@/lib/reporting/phone-page';
import { readDashboardPage } from '@/lib/reporting/dashboard-page';
import { readRecordPage } from '@/lib/sms/preferences/record-page';
import { listReceipts } from '@/lib/consent/receipts';
import { lockNumber, readNumber } from '@/lib/sms/numbers/number';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { listTexts } from '@/lib/sms/outbox/history';
import { newId } from '@/lib/random';
import { developmentSender } from '@/lib/sms/senders/sender';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { requirePreferences } from '@/lib/sms/preferences/preferences';
import { readPreferencesPage } from '@/lib/sms/preferences/preferences-page';
import { readTextsState } from '@/lib/sms/preferences/text-switches';
import { readPhoneChange } from '@/lib/sms/verification/change-phone';
import { findSignedInProver } from '@/lib/sms/verification/find-prover';
import { agreedToCodes } from '@/lib/sms/verification/prover';
import { requestCode } from '@/lib/sms/verification/request';
import { readVerificationState } from '@/lib/sms/verification/state';
import { recordStatements, useDatabase } from '../support/database';
import { after, contextAt, givePending, newPhone, noon } from '../support/people';
import { giveSettledPerson, readSessionOf } from '../support/settled-person';
import { askForUpdate } from '../support/texts';

const database = useDatabase();
const network = '203.0.113.9';
const now = after(noon, 5);

const givePerson = async () => ({ ...(await giveSettledPerson(database.db)), phoneMovedAt: null });

/** How many statements `run` sends, and how many of them read each table, in `counts`. */
async function count(run: () => Promise<unknown>) {
  const statements = await recordStatements(database.pool, run);
  const tables = statements.map(
    (statement) => /\bfrom "?(?!unnest\b)(\w+)"?/.exec(statement)?.[1] ?? statement,
  );
  return { statements: statements.length, tables: tables.sort() };
}

const codePageTables = [
  'phone_numbers',
  'sms_consents',
  'sms_messages',
  'sms_preferences',
  'sms_verifications',
];

describe('a page reads each fact once, in fewer statements than one question after the other takes', () => {
  test('the preferences: six instead of nine', async () => {
    const { db } = database;
    const person = await givePerson();
    const oneByOne = await count(async () => {
      await readPhoneState(db, person);
      await readPhoneChange(db, person, now);
      await readTextsState(db, person);
      await requirePreferences(db, person.userId);
      await listTexts(db, person, { limit: 20 });
      await listReceipts(db, person.userId, { limit: 1, phone: person.phone });
    });
    const together = await count(() => readPreferencesPage(db, person, now));
    expect(oneByOne.statements).toBe(9);
    expect(together.tables).toEqual([
      'phone_numbers',
      'sms_consents',
      'sms_consents', // what was last agreed to of any kind, for the record
      'sms_messages',
      'sms_preferences',
      'sms_verifications',
    ]);
  });

  test('the dashboard: four instead of five, and one more for the operator’s people', async () => {
    const { db } = database;
    const person = await givePerson();
    const oneByOne = await count(async () => {
      await readPhoneState(db, person);
      await readTextsState(db, person);
      await listMyApplications(db, person.userId, now, { limit: 3 });
    });
    const together = await count(() => readDashboardPage(db, person, now));
    expect(oneByOne.statements).toBe(5);
    expect(together.tables).toEqual(['applications', 'phone_numbers', 'sms_consents', 'sms_preferences']);
    const admin = { ...person, role: 'admin' as const };
    expect((await count(() => readDashboardPage(db, admin, now))).statements).toBe(5);
  });

  test('the list of applications: two, however many there are, and the page of one: three', async () => {
    const { db } = database;
    const { userId } = await givePerson();
    const draft = { id: null, version: null, title: 'A home', message: '' };
    const saved = await saveDraft(db, { userId, role: 'applicant' }, draft, contextAt(noon));
    if (!saved.ok) throw new Error(saved.reason);
    const list = await count(() => readMyApplicationsPage(db, userId, now, null));
    expect(list.tables).toEqual(['applications', 'sms_preferences']);
    const page = await count(() => readMyApplication(db, userId, saved.id, now));
    expect(page.tables).toEqual(['application_events', 'applications', 'sms_preferences']);
  });

  test('the page that deletes an account: two', async () => {
    const { userId } = await givePerson();
    const page = await count(() => readDeletionPage(database.db, { userId, recoveredAt: null }, now));
    expect(page.tables).toEqual(['applications', 'sms_preferences']);
  });

  test('whether a passkey is offered: none in a session that is not fresh, else two', async () => {
    const { db } = database;
    const person = await givePerson();
    const user = await readSessionOf(db, person, now);
    const late = after(noon, 601);
    expect((await count(() => readPasskeyOffer(db, user, late))).statements).toBe(0);
    expect((await count(() => readPasskeyOffer(db, user, now))).tables).toEqual(['passkeys', 'users']);
  });

  test('the page of second factors: one for each kind', async () => {
    const { db } = database;
    const user = await readSessionOf(db, await givePerson(), now);
    expect((await count(() => readFactorsPage(db, user, now))).tables).toEqual([
      'passkeys',
      'passkeys', // those that a device is not to make once more
      'phone_numbers',
      'recovery_code_sets',
      'recovery_code_sets', // those that wait to be typed back
      'sign_in_codes',
      'sms_preferences',
      'totp_keys',
      'totp_keys', // the key that waits for its first code
      'trusted_devices',
      'users',
    ]);
  });

  test('the record and the security page: four', async () => {
    const { db } = database;
    const person = await givePerson();
    expect((await count(() => readRecordPage(db, person, { texts: null, receipts: null }))).tables).toEqual([
      'phone_numbers',
      'sms_consents',
      'sms_messages',
      'sms_preferences',
    ]);
    expect((await count(() => readSecurityPage(db, person.userId, now))).tables).toEqual([
      'audit_log',
      'sessions',
      'sms_preferences',
      'sms_verification_log',
    ]);
  });

  test('the list of texts: three about a person, and the page of a text that waits: seven', async () => {
    const { db } = database;
    const person = await givePerson();
    const id = await askForUpdate(
      db,
      { userId: person.userId, phone: person.phone! },
      { sendAfter: now, now },
    );
    const query = {
      ...{ subject: { kind: 'person' as const, id: person.userId }, before: null },
      ...{ status: null, template: null, errorCode: null },
    };
    expect((await count(() => readMessagesPage(db, query, person.userId))).tables).toEqual([
      'sms_messages',
      'sms_preferences',
      'users',
    ]);
    const page = await count(() => readMessagePage(db, id, { adminId: person.userId, now }));
    expect(page.tables).toEqual([
      'sms_consents', // with all that the send policy asks
      'sms_messages',
      'sms_messages', // what it repeats, and what repeats it
      'sms_preferences',
      'sms_senders',
      'sms_spend',
      'users',
    ]);
  });

  test('the texts of a person: sixteen, and the page of their number: thirteen', async () => {
    const { db } = database;
    const { userId, phone } = await givePerson();
    const seen = { adminId: userId, now };
    const person = await count(() => readPersonTexts(db, userId, { ...seen, receiptsBefore: null }));
    expect(person.statements).toBe(16);
    const number = await count(() => readPhonePage(db, sealPhoneId(phone!), seen));
    expect(number.statements).toBe(13);
  });

  test('the code page: five instead of six', async () => {
    const { db } = database;
    const person = await givePending(db, newPhone());
    const oneByOne = await count(async () => {
      await agreedToCodes(db, person);
      await readNumber(db, person.phone);
      await readVerificationState(db, person, now);
      await requirePreferences(db, person.userId);
    });
    const together = await count(() => readCodePage(db, person, network, now));
    expect(oneByOne.statements).toBe(6);
    expect(together.tables).toEqual(codePageTables);
  });

  test('the code page of someone signed in: five, with what they prove', async () => {
    const { db } = database;
    const { userId } = await givePerson();
    const { role, phone } = (await findUser(db, userId))!;
    const requested = await db.transaction(async (tx) =>
      requestCode(
        tx,
        { userId, purpose: 'prove', number: await lockNumber(tx, phone!), network: null },
        contextAt(now),
      ),
    );
    expect(requested).toMatchObject({ ok: true });
    const read = await count(async () => {
      const prover = await findSignedInProver(db, { userId, sessionId: '', role, phone }, now);
      await readCodePage(db, prover, network, now);
    });
    expect(read.tables).toEqual(codePageTables);
  });
});

describe('a STOP that arrives while a page is read shows on it', () => {
  const questions = [/legal_sender is null/, /from "phone_numbers"/];

  /** Lets a STOP take place between the two questions that decide: whether there is consent, and how the number is. */
  async function stopInBetween<T>(phone: string, read: () => Promise<T>): Promise<T> {
    const asked = new Set<RegExp>();
    let stopped: Promise<unknown> | undefined;
    const restore: (() => void)[] = [];
    const wrap = (client: PoolClient) => {
      const original = client.query;
      client.query = async function (this: PoolClient, ...args: Parameters<typeof original>) {
        const [query] = args as unknown as [{ text?: string }];
        // What the STOP itself locks is no question of the page.
        const isRead =
          /^\s*(?:select|with)\b/.test(query.text ?? '') && !/ for no key update$/.test(query.text!);
        const question = questions.find((each) => isRead && each.test(query.text!));
        if (question) asked.add(question);
        if (asked.size === questions.length) {
          stopped ??= database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now }));
          if (question) await stopped;
        }
        return Reflect.apply(original, this, args);
      } as unknown as typeof original;
      restore.push(() => (client.query = original));
    };
    database.pool.on('acquire', wrap);
    try {
      return await read();
    } finally {
      database.pool.off('acquire', wrap);
      for (const each of restore.reverse()) each();
      expect(stopped).toBeDefined();
    }
  }

  test('the code page says that the number opted out, not that nobody agreed to codes', async () => {
    const person = await givePending(database.db, newPhone());
    const page = await stopInBetween(person.phone, () => readCodePage(database.db, person, network, now));
    expect(page).toMatchObject({ shows: 'code', state: { blocked: 'stopped', text: { status: 'stopped' } } });
  });

  test('the preferences say that texts are blocked', async () => {
    const person = await givePerson();
    const page = await stopInBetween(person.phone!, () => readPreferencesPage(database.db, person, now));
    expect(page).toMatchObject({ phone: { stopped: 'all' }, texts: { stopped: true } });
  });

  test('the preferences and the code page say to which of our numbers a START goes', async () => {
    const person = await givePerson();
    expect(await readPreferencesPage(database.db, person, now)).toMatchObject({ starts: [] });
    const starts = [{ lifts: 'all', phone: developmentSender }];
    const said = { sender: '+15005550007', words: 'STOP', providerSid: `SM${newId()}` };
    await database.db.transaction((tx) => optOut(tx, { phone: person.phone!, by: 'sms_stop', now, said }));
    expect(await readPreferencesPage(database.db, person, now)).toMatchObject({
      phone: { stopped: 'all' },
      starts,
    });
    const prover = { ...person, purpose: 'activate' as const };
    const shown = await readCodePage(database.db, prover, network, now);
    expect(shown).toMatchObject({ shows: 'code', starts });
  });
});

describe('the code page', () => {
  test('asks for a number where there is none, and where nobody agreed to codes at it', async () => {
    const { db } = database;
    const without = await giveSettledPerson(db, { phone: null });
    expect(await readCodePage(db, { ...without, purpose: 'prove' }, network, now)).toEqual({
      shows: 'number',
    });
    const phone = newPhone();
    await db.update(users).set({ phone }).where(eq(users.id, without.userId));
    expect(await readCodePage(db, { ...without, phone, purpose: 'prove' }, network, now)).toEqual({
      shows: 'number',
    });
  });

  test('has nothing to ask of a number that is proven', async () => {
    const person = await givePerson();
    expect(await readCodePage(database.db, { ...person, purpose: 'prove' }, network, now)).toEqual({
      shows: 'verified',
    });
  });
});

test('the record goes on where a page of it ends, until there is no more', async () => {
  const { db } = database;
  const person = await givePerson();
  const texts = Array.from({ length: 51 }, (_, index) => after(noon, index));
  for (const at of texts) {
    await askForUpdate(db, { userId: person.userId, phone: person.phone! }, { sendAfter: at, now: at });
  }
  const first = await readRecordPage(db, person, { texts: null, receipts: null });
  expect(first.texts).toHaveLength(50);
  expect(first.olderTexts).toMatchObject({ id: first.texts[49]!.id });
  const rest = await readRecordPage(db, person, { texts: first.olderTexts, receipts: null });
  expect(rest.texts.map(({ createdAt }) => createdAt)).toEqual([noon]);
  expect(rest.olderTexts).toBeNull();
});
