import { and, eq, isNull, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { smsConsents } from '@/db/schema/consent';
import { smsMessages, smsVerificationLog } from '@/db/schema/sms';
import { issuePendingToken } from '@/lib/accounts/pending';
import { findUserByEmail } from '@/lib/accounts/users';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { eraseAhead } from '@/lib/auth/ending/erase-ahead';
import { expirePending } from '@/lib/auth/ending/expire-pending';
import { register } from '@/lib/auth/registration/register';
import { codesOf, readLastChallenge } from '@/lib/sms/verification/challenge';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { lockNumber, readNumber } from '@/lib/sms/numbers/number';
import { markNumber } from '@/lib/phone/mark';
import { eraseNumbersOfSent } from '@/lib/sms/outbox/erase-texts';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { checkCode } from '@/lib/sms/verification/check-code';
import { releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { findTraces } from '@/tests/support/find-traces';
import { after, contextAt, givePerson, newEmail, newPhone, noon, wrongCodes } from '@/tests/support/people';
import { giveSettledPerson, openSession, password } from '@/tests/support/settled-person';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const dayMs = 24 * 3600 * 1000;
const addressOfOld = '198.51.100.77';
const browserOfOld = 'Netscape 4.79';
const later = (at: Date) => ({ now: at, address: addressOfOld, userAgent: browserOfOld });

beforeEach(async () => {
  await database.pool.query(
    'truncate users, sms_verification_log, audit_log, sms_messages, rate_limits, sms_consent_details cascade',
  );
});

/** Registers, enters a wrong code, is refused, and takes another number; all from one browser. */
async function leaveTraces(email: string) {
  const [phone, second] = [newPhone(), newPhone()];
  const input = {
    email,
    name: 'Quetzalcoatl',
    password,
    phone,
    smsOptIn: true,
    verifyPhone: true,
    tcpaConsent: true,
    timeZone: null,
  };
  const registered = await register(database.db, input, later(noon));
  if (!registered.ok || registered.next !== 'verify') throw new Error('Not to be verified');
  const { pendingToken } = registered;
  const { id: userId } = (await findUserByEmail(database.db, email))!;
  const readFrom = { pendingToken };
  const prover = { userId, role: 'applicant', phone, purpose: 'activate', readFrom } as const;
  const challenge = (await readLastChallenge(database.db, userId, noon))!;
  const [wrong] = wrongCodes(codesOf(challenge)[0]!, 1);
  expect(await checkCode(database.db, prover, wrong!, later(after(noon, 1)))).toMatchObject({ ok: false });
  await sendCode(database.db, prover, later(after(noon, 2)));
  expect(await replacePendingPhone(database.db, prover, second, later(after(noon, 3)))).toMatchObject({
    ok: true,
  });
  await checkCode(database.db, { ...prover, phone: second }, '000000', later(after(noon, 4)));
  return { userId, phone, second, pendingToken, prover: { ...prover, phone: second } };
}

function secretsOf({ email, phone, second }: { email: string; phone: string; second: string }) {
  return {
    email,
    name: 'Quetzalcoatl',
    phone: phone.slice(1),
    second: second.slice(1),
    address: addressOfOld,
    browser: browserOfOld,
  };
}

/** The ledger of consent, and the row that holds a number's limits and its opt-out: docs/compliance.md says why. */
const whatStays = [
  'phone_numbers.number: phone',
  'phone_numbers.number: second',
  'sms_consents.phone: phone',
  'sms_consents.phone: second',
];

describe('nothing in any column of any table tells who it was but the ledger and the number’s own row', () => {
  test('once a pending registration was replaced', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    const again = { email, name: 'Someone Else', password, phone: null, timeZone: null };
    const answer = await register(
      database.db,
      { ...again, smsOptIn: false, verifyPhone: false, tcpaConsent: false },
      contextAt(after(noon, 60)),
      { pendingToken: old.pendingToken },
    );
    expect(answer).toMatchObject({ ok: true });
    expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(
      [
        ...whatStays,
        // Of the new account.
        'email_links.email: email',
        'email_links.email_key: email',
        'mails.to_address: email',
        'users.email: email',
        'users.email_key: email',
      ].sort(),
    );
  });

  test('once an account was deleted', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    const code = codesOf((await readLastChallenge(database.db, old.userId, noon))!)[0]!;
    expect(await checkCode(database.db, old.prover, code, later(after(noon, 10)))).toMatchObject({
      ok: true,
    });
    const { sessionId } = await openSession(database.db, old.userId, after(noon, 11));
    const person = { userId: old.userId, sessionId, email };
    const deleted = await deleteAccount(
      database.db,
      person,
      { currentPassword: password, confirmed: true },
      later(after(noon, 60)),
    );
    expect(deleted).toEqual({ ok: true });
    expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(whatStays);
  });

  test('once a pending account has expired', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    expect(await expirePending(database.db, new Date(noon.getTime() + 7 * dayMs + 5_000), 10)).toBe(1);
    expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(whatStays);
  });

  test('once someone was deleted who proved the number of another', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    const holder = await giveSettledPerson(database.db, { phone: null });
    await database.db.transaction((tx) => lockNumber(tx, old.second));
    await database.db.execute(sql`update phone_numbers set holder_user_id = ${holder.userId},
      held_since = ${noon.toISOString()}::timestamptz where number = ${old.second}`);
    const code = codesOf((await readLastChallenge(database.db, old.userId, noon))!)[0]!;
    expect(await checkCode(database.db, old.prover, code, later(after(noon, 10)))).toMatchObject({
      ok: true,
    });
    const { sessionId } = await openSession(database.db, old.userId, after(noon, 11));
    await deleteAccount(
      database.db,
      { userId: old.userId, sessionId, email },
      { currentPassword: password, confirmed: true },
      later(after(noon, 60)),
    );
    expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(whatStays);
    const told = await database.db.select().from(auditLog).where(eq(auditLog.userId, holder.userId));
    expect(told.map(({ action }) => action)).toContain('number_moved');
  });
});

describe('what is left of an ended account', () => {
  test('still shows that a known number was meant, by a mark that only AUTH_SECRET makes', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    await expirePending(database.db, new Date(noon.getTime() + 8 * dayMs), 10);
    const marks = [markNumber(old.phone), markNumber(old.second)];
    expect(markNumber(old.phone, 'another secret')).not.toBe(marks[0]);
    const log = await database.db
      .select()
      .from(smsVerificationLog)
      .where(eq(smsVerificationLog.userId, old.userId));
    expect(log.length).toBeGreaterThan(2);
    expect(log.every((row) => row.phoneMark !== null && marks.includes(row.phoneMark))).toBe(true);
    const texts = await database.db.select().from(smsMessages);
    expect(texts.map((row) => row.phoneMark).sort()).toEqual([...marks].sort());
    const consents = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, old.userId));
    expect(consents.at(-1)).toMatchObject({ action: 'withdrawn', medium: 'account_expired' });
  });

  test('takes nothing in that its browser still does: a check that comes too late leaves no trace', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    await expirePending(database.db, new Date(noon.getTime() + 8 * dayMs), 10);
    const late = later(new Date(noon.getTime() + 8 * dayMs + 1000));
    expect(await checkCode(database.db, old.prover, '123456', late)).toEqual({
      ok: false,
      reason: 'no_challenge',
    });
    expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(whatStays);
  });

  test('a text in a dispatcher’s hands can still be sent and recorded, and tells nothing once it is over', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    const hold = sql`update sms_messages set status = 'sending', lease_until = now() + interval '12 seconds'
      where phone = ${old.second}`;
    await database.db.execute(hold);
    await expirePending(database.db, new Date(noon.getTime() + 8 * dayMs), 10);
    expect(await eraseNumbersOfSent(database.db, after(noon, 4 * 24 * 3600), 100)).toBe(0);
    const { rows } = await database.db.execute(sql`select phone from sms_messages where status = 'sending'`);
    expect(rows).toEqual([{ phone: old.second }]);
    await database.db
      .execute(sql`update sms_messages set status = 'failed', failed_at = now(), lease_until = null
      where status = 'sending'`);
    expect(await eraseNumbersOfSent(database.db, after(noon, 60), 100)).toBe(1);
    expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(whatStays);
  });

  test('of thousands of rows is erased a thousand at a time, so that nobody waits for it', async () => {
    const person = await giveSettledPerson(database.db);
    const rows = 2_500;
    for (const insert of [
      `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status)
       select gen_random_uuid(), $1, $2, 'update', 'applicationStatus', now(), now(), 'delivered' from generate_series(1, $3)`,
      `insert into sms_verification_log (at, event, reason, user_id, phone, address)
       select now(), 'send_refused', 'stopped', $1, $2, 'x' from generate_series(1, $3::int)`,
    ]) {
      await database.pool.query(insert, [person.userId, person.phone, rows]);
    }
    await database.pool.query(
      `insert into audit_log (at, action, user_id, actor_id, address) select now(), 'signed_in', $1, $1, 'x' from generate_series(1, $2::int)`,
      [person.userId, rows],
    );
    const leaving = { currentPassword: password, confirmed: true };
    expect(await deleteAccount(database.db, person, leaving, contextAt(noon))).toEqual({ ok: true });
    for (const table of ['sms_messages', 'sms_verification_log', 'audit_log']) {
      const { rows: transactions } = await database.pool.query<{ rows: number }>(
        `select count(*)::int as rows from ${table} group by xmin::text order by 1 desc`,
      );
      expect(transactions[0]!.rows, table).toBe(1_000);
      const { rows: left } = await database.pool.query(
        `select 1 from ${table} t where to_jsonb(t)::text like any(array[$1, '%"address": "x"%'])`,
        [`%${person.phone!.slice(1)}%`],
      );
      expect(left, table).toEqual([]);
    }
  });

  test('that saw to thousands of applications is taken from them a thousand at a time, too', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', factor: false });
    for (const insert of [
      `insert into applications (id, applicant_name, title, message, status, assignee_id, created_at, moved_at)
       select gen_random_uuid(), 'Paper', 'A home', '-', 'approved', $1, $2, $2 from generate_series(1, 2500)`,
      `insert into application_events (application_id, at, kind, to_status, actor_id, actor_role, shows_at)
       select id, $2, 'moved', 'approved', $1, 'broker', $2 from applications where assignee_id = $1`,
    ])
      await database.pool.query(insert, [person.userId, noon]);
    const leaving = { currentPassword: password, confirmed: true };
    expect(await deleteAccount(database.db, person, leaving, contextAt(after(noon, 60)))).toEqual({
      ok: true,
    });
    for (const [table, who] of [
      ['applications', 'assignee_id'],
      ['application_events', 'actor_id'],
    ]) {
      const { rows } = await database.pool.query(
        `select count(*)::int as rows, count(${who})::int as named from ${table} group by xmin::text order by 1 desc`,
      );
      expect(rows[0], table).toEqual({ rows: 1_000, named: 0 });
    }
  });

  test('that has thousands of applications leaves them a thousand at a time, too, and drafts go', async () => {
    const person = await giveSettledPerson(database.db);
    await database.pool.query('truncate applications cascade');
    await database.pool.query(
      `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
       select gen_random_uuid(), $1, 'A home', '-', case when n % 10 = 0 then 'draft' when n % 10 = 1 then 'approved' else 'submitted' end,
         $2::timestamptz + n * interval '1 second', $2 from generate_series(1, 4000) n`,
      [person.userId, noon],
    );
    const leaving = { currentPassword: password, confirmed: true };
    const at = after(noon, 3600);
    expect(await deleteAccount(database.db, person, leaving, contextAt(at))).toEqual({ ok: true });
    const { rows } = await database.pool.query(
      `select a.status, a.version, count(*)::int as rows, count(a.applicant_id)::int as linked, count(e.id)::int as events,
         count(*) filter (where a.moved_at = $1)::int as moved
       from applications a left join application_events e on e.application_id = a.id and e.to_status = 'withdrawn' and e.at = $1
       group by 1, 2 order by 1`,
      [at],
    );
    expect(rows).toEqual([
      { status: 'approved', version: 1, rows: 400, linked: 0, events: 0, moved: 0 },
      { status: 'withdrawn', version: 2, rows: 3_200, linked: 0, events: 3_200, moved: 3_200 },
    ]);
    const { rows: transactions } = await database.pool.query<{ rows: number }>(
      `select count(*)::int as rows from applications group by xmin::text`,
    );
    expect(transactions.map((each) => each.rows)).toEqual([900, 900, 900, 900]);
  });

  test('that stays after all has lost none of its applications', async () => {
    const person = await giveSettledPerson(database.db);
    await database.pool.query('truncate applications cascade');
    await database.pool.query(
      `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
       select gen_random_uuid(), $1, 'A home', '-', 'submitted', $2, $2 from generate_series(1, 40) n`,
      [person.userId, noon],
    );
    await eraseAhead(database.db, person.userId, after(noon, 60));
    const { rows } = await database.pool.query(
      `select status, version, applicant_id, count(*)::int as rows from applications group by 1, 2, 3`,
    );
    expect(rows).toEqual([{ status: 'submitted', version: 1, applicant_id: person.userId, rows: 40 }]);
  });

  test('a text on its way keeps its number until it is known what became of it, so that a STOP is heard', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    const sid = `SM${'a'.repeat(32)}`;
    const sent = sql`update sms_messages set status = 'sent', provider_sid = ${sid}, provider_status = 'sent', sender = 'fake',
      sent_at = now(), check_at = now(), reserved_at = now() where phone = ${old.second}`;
    await database.db.execute(sent);
    await expirePending(database.db, new Date(noon.getTime() + 8 * dayMs), 10);
    expect(await eraseNumbersOfSent(database.db, after(noon, 60), 100)).toBe(0);
    const report = { messageId: null, sid, status: 'undelivered', errorCode: 21_610, price: '0.0079' };
    await applyStatus(database.db, {
      ...report,
      priceUnit: 'USD',
      segments: 1,
      to: old.second,
      now: new Date(),
    });
    expect((await readNumber(database.db, old.second))?.suppressedBy).toBe('carrier_stop');
    expect(await readNumber(database.db, '')).toBeNull();
    expect(await eraseNumbersOfSent(database.db, after(noon, 120), 100)).toBe(1);
    const traces = await findTraces(database.pool, secretsOf({ email, ...old }));
    // Whose number it was is gone; that it opted out stays.
    expect(traces).toEqual([...whatStays, 'sms_opt_outs.phone: second']);
  });
});

describe('a pending account', () => {
  const at = (days: number) => new Date(noon.getTime() + days * dayMs);

  /** Runs something while someone else holds a number. */
  const whileHeld = async <Answer>(phone: string, run: () => Promise<Answer>): Promise<Answer> => {
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from phone_numbers where number = $1 for update', [phone]);
      return await run();
    } finally {
      await holder.query('rollback');
      holder.release();
    }
  };

  test('expires after seven days, and not before', async () => {
    const { userId } = await leaveTraces(newEmail());
    expect(await expirePending(database.db, new Date(at(7).getTime() - 1000), 10)).toBe(0);
    expect(await expirePending(database.db, new Date(at(7).getTime() + 1000), 10)).toBe(1);
    expect(await database.db.select().from(users).where(eq(users.id, userId))).toEqual([]);
  });

  test('that cannot be ended keeps nobody behind it', async () => {
    const stuck = [
      await givePerson(database.db, { active: false }),
      await givePerson(database.db, { active: false }),
    ];
    const { userId } = await givePerson(database.db, { active: false, now: after(noon, 1) });
    await database.pool.query(`create function refuse_end() returns trigger language plpgsql as $$
      begin raise exception 'not this one'; end $$`);
    await database.pool.query(`create trigger refuse_end before delete on users for each row
      when (old.created_at <= '${noon.toISOString()}') execute function refuse_end()`);
    try {
      expect(await expirePending(database.db, at(8), 2)).toBe(1);
      const left = await database.db.select({ id: users.id }).from(users).where(isNull(users.activatedAt));
      expect(left.map(({ id }) => id).sort()).toEqual(stuck.map((each) => each.userId).sort());
      expect(left).not.toContainEqual({ id: userId });
    } finally {
      await database.pool.query('drop function refuse_end cascade');
      await expirePending(database.db, at(8), 2);
    }
  });

  test('that a browser may still finish, or whose code can still be entered, does not expire', async () => {
    const { userId, prover } = await leaveTraces(newEmail());
    await issuePendingToken(database.db, userId, at(8));
    expect(await expirePending(database.db, after(at(8), 1700), 10)).toBe(0);
    await sendCode(database.db, prover, contextAt(after(at(8), 1700)));
    expect(await expirePending(database.db, after(at(8), 1900), 10)).toBe(0);
    expect(await expirePending(database.db, after(at(8), 4000), 10)).toBe(1);
  });

  test('that opened, or that an operator closed, never expires', async () => {
    const { userId } = await leaveTraces(newEmail());
    await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, userId));
    await giveSettledPerson(database.db);
    expect(await expirePending(database.db, at(400), 10)).toBe(0);
  });

  test('is ended once by two processes at the same instant, and both go on to the next', async () => {
    const expire = () => expirePending(database.db, at(9), 10);
    // On a busy machine the two may come so far apart that the first gives up its wait for the lock; then once more.
    for (let tries = 1; ; tries += 1) {
      const old = await leaveTraces(newEmail());
      const both = await releaseTogether(
        database.pool,
        `select from phone_numbers where number = '${old.second}' for update`,
        2,
        [expire, expire],
      );
      const isByExpiry = and(eq(auditLog.action, 'account_expired'), eq(auditLog.userId, old.userId));
      const ends = await database.db.$count(auditLog, isByExpiry);
      const gaveUp = both.some((one) => one.status === 'fulfilled' && one.value === 0);
      if (gaveUp && tries < 5) {
        expect(ends).toBeLessThanOrEqual(1);
        await expire();
        continue;
      }
      expect(both).toEqual([1, 1].map((value) => ({ status: 'fulfilled', value })));
      expect(ends).toBe(1);
      break;
    }
  });

  test.each([1, 2, 3, 4])('whose right code comes at the instant it ends is open or gone (%i)', async () => {
    const email = newEmail();
    const old = await leaveTraces(email);
    const sent = new Date(noon.getTime() + 8 * dayMs);
    await sendCode(database.db, old.prover, later(sent));
    const code = codesOf((await readLastChallenge(database.db, old.userId, noon))!)[0]!;
    const [checked, expired] = await releaseTogether<unknown>(
      database.pool,
      `select from phone_numbers where number = '${old.second}' for update`,
      2,
      [
        () => checkCode(database.db, old.prover, code, later(after(sent, 599))),
        // Another machine, whose clock is ahead.
        () => expirePending(database.db, after(sent, 601), 10),
      ],
    );
    expect([checked!.status, expired!.status]).toEqual(['fulfilled', 'fulfilled']);
    const user = await findUserByEmail(database.db, email);
    const isRight = (checked as PromiseFulfilledResult<{ ok: boolean }>).value.ok;
    expect(isRight).toBe(user !== null);
    if (user === null)
      expect(await findTraces(database.pool, secretsOf({ email, ...old }))).toEqual(whatStays);
    else expect(user.activatedAt).not.toBeNull();
  });

  test('that cannot be ended does not block another', async () => {
    const first = await leaveTraces(newEmail());
    const { userId } = await leaveTraces(newEmail());
    expect(await whileHeld(first.second, () => expirePending(database.db, at(9), 1))).toBe(1);
    expect(await database.db.select().from(users).where(eq(users.id, userId))).toEqual([]);
  });

  test('whose number someone holds is left to the next round, and keeps no other waiting', async () => {
    const first = await leaveTraces(newEmail());
    await leaveTraces(newEmail());
    expect(await whileHeld(first.second, () => expirePending(database.db, at(9), 10))).toBe(1);
    expect(await expirePending(database.db, at(9), 10)).toBe(1);
  });
});
