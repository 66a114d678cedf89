import { setTimeout as delay } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, sessions } from '@/db/schema/accounts';
import { smsConsentDetails, smsConsents } from '@/db/schema/consent';
import { smsMessages, smsPreferences, smsVerificationLog, smsVerifications } from '@/db/schema/sms';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { startPhoneChange } from '@/lib/sms/verification/change-phone';
import { readNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon, readUserRow } from '@/tests/support/people';
import { enterCode, giveSettledPerson, password } from '@/tests/support/settled-person';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const leaving = { currentPassword: password, confirmed: true };

test('deleting takes the word of the person besides the password', async () => {
  const person = await giveSettledPerson(database.db);
  const unconfirmed = { currentPassword: password, confirmed: false };
  expect(await deleteAccount(database.db, person, unconfirmed, contextAt(noon))).toEqual({
    ok: false,
    reason: 'not_confirmed',
  });
  expect(await readUserRow(database.db, person.userId)).toBeDefined();
});

describe('a deleted account', () => {
  test('leaves its number free, its waiting texts withdrawn, its sessions and challenges gone', async () => {
    const person = await giveSettledPerson(database.db);
    const { userId } = person;
    const phone = person.phone!;
    const text = await enqueueText(database.db, {
      userId,
      phone,
      purpose: 'update',
      template: 'applicationStatus',
      params: { url: 'http://localhost' },
      sendAfter: after(noon, 3600),
      now: noon,
    });
    await startPhoneChange(database.db, person, newPhone(), contextAt(noon));
    expect(await deleteAccount(database.db, person, leaving, contextAt(after(noon, 60)))).toEqual({
      ok: true,
    });
    expect(await readUserRow(database.db, userId)).toBeUndefined();
    expect((await readNumber(database.db, phone))?.holderUserId).toBeNull();
    const [left] = await database.db.select().from(smsMessages).where(eq(smsMessages.id, text!.id));
    expect(left).toMatchObject({ status: 'canceled', reason: 'account_deleted', userId: null });
    for (const table of [sessions, smsPreferences, smsVerifications]) {
      expect(await database.db.select().from(table).where(eq(table.userId, userId))).toEqual([]);
    }
    const next = await giveSettledPerson(database.db, { phone: null });
    expect(await startPhoneChange(database.db, next, phone, contextAt(after(noon, 120)))).toEqual({
      ok: true,
    });
    expect(await enterCode(database.db, next, after(noon, 130))).toMatchObject({ ok: true });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(next.userId);
  });

  test('keeps the evidence of consent, withdrawn, without address and browser', async () => {
    const person = await giveSettledPerson(database.db);
    await deleteAccount(database.db, person, leaving, contextAt(after(noon, 60)));
    const rows = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, person.userId));
    expect(
      rows
        .filter((row) => row.action === 'granted')
        .every((row) => row.wording && row.phone === person.phone),
    ).toBe(true);
    expect(rows.map(({ action, scope, medium }) => `${action} ${scope} ${medium}`).sort()).toEqual([
      'granted updates registration',
      'granted verification registration',
      'withdrawn updates account_deleted',
      'withdrawn verification account_deleted',
    ]);
    const details = await database.db
      .select()
      .from(smsConsentDetails)
      .where(eq(smsConsentDetails.userId, person.userId));
    expect(details).toEqual([]);
  });

  test('leaves nothing else in the database that tells who it was', async () => {
    const person = await giveSettledPerson(database.db);
    const { userId, email } = person;
    const phone = person.phone!;
    const next = newPhone();
    await enqueueText(database.db, {
      userId,
      phone,
      purpose: 'update',
      template: 'applicationStatus',
      params: { url: 'http://localhost' },
      sendAfter: noon,
      now: noon,
    });
    await startPhoneChange(database.db, person, next, contextAt(noon, '198.51.100.77'));
    await deleteAccount(database.db, person, leaving, contextAt(after(noon, 60), '198.51.100.77'));
    const { rows: tables } = await database.pool.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rows } = await database.pool.query<{ row: string }>(
        `select to_jsonb(t)::text as row from ${name} t`,
      );
      for (const secret of [email, phone, next, 'Maple', '198.51.100.77', person.sessionId]) {
        if (rows.some(({ row }) => row.includes(secret))) found.push(`${name}: ${secret}`);
      }
    }
    expect(found.sort()).toEqual(
      [
        `phone_numbers: ${next}`,
        `phone_numbers: ${phone}`,
        `sms_consents: ${next}`,
        `sms_consents: ${phone}`,
      ].sort(),
    );
    const log = await database.db
      .select()
      .from(smsVerificationLog)
      .where(eq(smsVerificationLog.userId, userId));
    expect(log.map(({ event, phone: number, address }) => ({ event, number, address }))).toEqual([
      { event: 'send_requested', number: null, address: null },
    ]);
    const audit = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(audit.at(-1)).toMatchObject({ action: 'account_deleted', address: null, userAgent: null });
  });

  test('does not lift the STOP of its number', async () => {
    const person = await giveSettledPerson(database.db);
    await database.db.transaction((tx) => optOut(tx, { phone: person.phone!, by: 'sms_stop', now: noon }));
    await deleteAccount(database.db, person, leaving, contextAt(after(noon, 60)));
    expect((await readNumber(database.db, person.phone!))?.suppressedAt).toEqual(noon);
  });
});

test('what happened while a deletion waited counts: a reset, and the end of the session', async () => {
  for (const [change, reason] of [
    [`update users set recovered_at = '${noon.toISOString()}' where id = $1`, 'recovered_lately'],
    ['delete from sessions where user_id = $1', 'not_open'],
  ] as const) {
    const person = await giveSettledPerson(database.db);
    const other = await database.pool.connect();
    await other.query('begin');
    await other.query('select 1 from users where id = $1 for update', [person.userId]);
    const deleting = deleteAccount(database.db, person, leaving, contextAt(after(noon, 60)));
    await delay(1_500);
    await other.query(change, [person.userId]);
    await other.query('commit');
    other.release();
    expect(await deleting, reason).toMatchObject({ ok: false, reason });
  }
});

test.each([
  ['the session ends', 'delete from sessions where user_id = $1', { ok: true }],
  [
    'the password is reset',
    `update users set recovered_at = '${after(noon, 60).toISOString()}' where id = $1`,
    { ok: false, reason: 'recovered_lately' },
  ],
  [
    'an admin deactivates it',
    `update users set deactivated_at = '${after(noon, 60).toISOString()}' where id = $1`,
    { ok: false, reason: 'not_open' },
  ],
])('while the record is being erased %s', async (_, change, answer) => {
  const person = await giveSettledPerson(database.db);
  const { id } = (await enqueueText(database.db, {
    userId: person.userId,
    phone: person.phone!,
    purpose: 'update',
    template: 'applicationStatus',
    params: { url: 'http://localhost' },
    sendAfter: noon,
    now: noon,
  }))!;
  await database.pool.query(`update sms_messages set status = 'canceled', failed_at = now() where id = $1`, [
    id,
  ]);
  const other = await database.pool.connect();
  await other.query('begin');
  await other.query('select 1 from sms_messages where id = $1 for update', [id]);
  const deleting = deleteAccount(database.db, person, leaving, contextAt(after(noon, 60)));
  await vi.waitFor(
    async () =>
      expect((await readUserRow(database.db, person.userId))?.deletionBegunAt).toEqual(after(noon, 60)),
    { timeout: 60_000 },
  );
  await database.pool.query(change, [person.userId]);
  await other.query('commit');
  other.release();
  expect(await deleting).toMatchObject(answer);
  expect((await readUserRow(database.db, person.userId)) === undefined).toBe(answer.ok);
});

test('an account whose password was reset stays for 72 hours', async () => {
  const person = await giveSettledPerson(database.db);
  await database.pool.query('update users set recovered_at = $2 where id = $1', [person.userId, noon]);
  const late = after(noon, 72 * 3600);
  expect(await deleteAccount(database.db, person, leaving, contextAt(after(late, -1)))).toEqual({
    ok: false,
    reason: 'recovered_lately',
    retryAt: late,
  });
  expect(await deleteAccount(database.db, person, leaving, contextAt(late))).toEqual({ ok: true });
});

test('of two last admins who leave at the same instant one stays', async () => {
  const admins = [
    await giveSettledPerson(database.db, { role: 'admin' }),
    await giveSettledPerson(database.db, { role: 'admin' }),
  ];
  const answers = await Promise.all(
    admins.map((admin) => deleteAccount(database.db, admin, leaving, contextAt(noon))),
  );
  expect(answers.map((answer) => (answer.ok ? 'left' : answer.reason)).sort()).toEqual([
    'last_admin',
    'left',
  ]);
});
