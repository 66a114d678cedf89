import { and, eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, sessions, type Role } from '@/db/schema/accounts';
import { emailKey } from '@/lib/accounts/email';
import { issuePendingToken, readPending } from '@/lib/accounts/pending';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { readActivity } from '@/lib/auth/settings/activity';
import { readAccountLocks } from '@/lib/auth/admin/read-locks';
import { manageAccount, type AccountChange } from '@/lib/auth/admin/manage-account';
import { disownAccount, sendProofAgain } from '@/lib/auth/registration/prove-email';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { countTry } from '@/lib/auth/two-factor/tries';
import { readLink } from '@/lib/mail/links';
import { newId } from '@/lib/random';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { endingSession, releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { readToken } from '@/tests/support/mails';
import { after, contextAt, givePerson, newEmail, noon, readUserRow } from '@/tests/support/people';
import { readExport } from '@/tests/support/read-export';
import { giveSettledPerson, openSession, password, type SettledPerson } from '@/tests/support/settled-person';
import { askForUpdate, makePerson, readText } from '@/tests/support/texts';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));
const reason = 'Asked for by phone on Friday.';

async function giveAdmin(): Promise<SettledPerson> {
  return giveSettledPerson(database.db, { role: 'admin', phone: null });
}

async function giveProven(role: Role = 'applicant') {
  const person = await giveSettledPerson(database.db, { role, phone: null });
  await database.pool.query('update users set email_proven_at = $2 where id = $1', [person.userId, noon]);
  return person;
}

const manage = (
  admin: SettledPerson,
  userId: string,
  change: AccountChange,
  changed: { reason?: string; seconds?: number } = {},
) =>
  manageAccount(
    database.db,
    admin,
    { userId, change, reason: changed.reason ?? reason },
    at(changed.seconds ?? 60),
  );

const lastEntry = async (userId: string, action: string) =>
  (await database.db.select().from(auditLog).where(eq(auditLog.userId, userId))).findLast(
    (entry) => entry.action === action,
  );

const all: readonly AccountChange[] = [
  { do: 'change_role', role: 'staff' },
  { do: 'deactivate' },
  { do: 'reactivate' },
  { do: 'end_sessions' },
  { do: 'unlock' },
  { do: 'reset_factors' },
  { do: 'send_enroll_link' },
];

describe('every change', () => {
  test.each(all)(
    'wants a fresh second factor of the admin, and nothing happens without one: $do',
    async (change) => {
      const [admin, person] = [await giveAdmin(), await giveProven()];
      const before = await readUserRow(database.db, person.userId);
      expect(await manage(admin, person.userId, change, { seconds: 601 })).toEqual({
        ok: false,
        reason: 'confirm_first',
      });
      expect(await readUserRow(database.db, person.userId)).toEqual(before);
      expect(await readSession(database.db, person.sessionId, after(noon, 61))).not.toBeNull();
    },
  );

  test.each(all)('is refused on oneself, and on an account that is not there: $do', async (change) => {
    const admin = await giveAdmin();
    expect(await manage(admin, admin.userId, change)).toEqual({ ok: false, reason: 'self' });
    expect(await manage(admin, newId(), change)).toEqual({ ok: false, reason: 'gone' });
    expect(await manage(admin, "' or true --", change)).toEqual({ ok: false, reason: 'gone' });
  });

  test.each(all)('is refused to someone who stopped being an admin a moment ago: $do', async (change) => {
    const [admin, person] = [await giveAdmin(), await giveProven()];
    await database.pool.query(`update users set role = 'staff' where id = $1`, [admin.userId]);
    expect(await manage(admin, person.userId, change)).toEqual({ ok: false, reason: 'not_admin' });
  });

  test.each(all)('is done by no admin whose session ended while they waited ($do)', async (change) => {
    const admin = await giveAdmin();
    const person = await giveProven();
    const [answer] = await releaseTogether(database.pool, endingSession(admin), 1, [
      () => manage(admin, person.userId, change),
    ]);
    expect(answer).toMatchObject({ value: { ok: false, reason: 'not_open' } });
  });

  test('is in the audit with both and the reason, and the person sees neither address nor browser', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven()];
    const changes: [AccountChange, string, object][] = [
      [{ do: 'end_sessions' }, 'sessions_ended_by_admin', { ended: 1 }],
      [{ do: 'unlock' }, 'account_unlocked', {}],
      [{ do: 'change_role', role: 'broker' }, 'role_changed', { from: 'applicant', to: 'broker' }],
      [{ do: 'deactivate' }, 'account_deactivated', {}],
      [{ do: 'reactivate' }, 'account_reactivated', {}],
    ];
    for (const [change, action, details] of changes) {
      expect(await manage(admin, person.userId, change)).toMatchObject({ ok: true });
      expect(await lastEntry(person.userId, action)).toMatchObject({
        userId: person.userId,
        actorId: admin.userId,
        details: { ...details, reason },
      });
      // A change of role may be followed by the link that the new role asks for.
      const lately = await readActivity(database.db, person.userId, 2);
      expect(lately.find(({ what }) => what === action)).toMatchObject({
        address: null,
        userAgent: null,
      });
    }
    const taken = await readExport(database.db, person.userId, at(90));
    expect(taken!.activity.find(({ action }) => action === 'role_changed')).toMatchObject({
      by: 'someone else',
      address: null,
      details: { reason },
    });
  });
});

describe('a change of role', () => {
  test('ends sessions, grants, pending tokens and open links at once', async () => {
    const [admin, person] = [await giveAdmin(), await giveSettledPerson(database.db)];
    const { userId, email, sessionId } = person;
    const pending = await issuePendingToken(database.db, userId, noon);
    const { grant } = await mintLoginGrant(database.db, userId, after(noon, 50));
    expect(await sendProofAgain(database.db, userId, at(1))).toEqual({ ok: true });
    const link = await readToken(database.db, email);
    await database.pool.query('update users set email_proven_at = $2 where id = $1', [userId, noon]);
    expect(await manage(admin, userId, { do: 'change_role', role: 'staff' })).toMatchObject({ ok: true });
    expect(await readSession(database.db, sessionId, after(noon, 61))).toBeNull();
    expect(await redeemLoginGrant(database.db, grant, at(61))).toBeNull();
    expect(await readPending(database.db, pending, after(noon, 61))).toBeNull();
    expect(await readLink(database.db, link, ['confirm'], after(noon, 61))).toMatchObject({
      reason: 'ended',
    });
    expect(await readUserRow(database.db, userId)).toMatchObject({ role: 'staff', deactivatedAt: null });
  });

  test('leaves no session of the old role that was being opened at that instant', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('broker')];
    const grants = await Promise.all(
      Array.from({ length: 4 }, () => mintLoginGrant(database.db, person.userId, after(noon, 59))),
    );
    await releaseTogether<unknown>(
      database.pool,
      `select from users where id = '${person.userId}' for update`,
      5,
      [
        ...grants.map(
          ({ grant }) =>
            () =>
              redeemLoginGrant(database.db, grant, at(60)),
        ),
        () => manage(admin, person.userId, { do: 'change_role', role: 'applicant' }),
      ],
    );
    expect(await database.db.$count(sessions, eq(sessions.userId, person.userId))).toBe(0);
  });

  test('gives an account whose email nobody confirmed no role but applicant', async () => {
    const admin = await giveAdmin();
    const { userId } = await givePerson(database.db, { active: true });
    expect(await manage(admin, userId, { do: 'change_role', role: 'staff' })).toEqual({
      ok: false,
      reason: 'email_unproven',
    });
    const { userId: staff } = await givePerson(database.db, { active: true, role: 'staff' });
    expect(await manage(admin, staff, { do: 'change_role', role: 'broker' })).toEqual({
      ok: false,
      reason: 'email_unproven',
    });
    expect(await manage(admin, staff, { do: 'change_role', role: 'applicant' })).toMatchObject({ ok: true });
  });

  test('refuses the role that they have, and a deactivated account', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('staff')];
    expect(await manage(admin, person.userId, { do: 'change_role', role: 'staff' })).toEqual({
      ok: false,
      reason: 'same_role',
    });
    await manage(admin, person.userId, { do: 'deactivate' });
    expect(await manage(admin, person.userId, { do: 'change_role', role: 'broker' })).toEqual({
      ok: false,
      reason: 'deactivated',
    });
  });
});

describe('of admins', () => {
  test('two who deactivate each other at the same instant, one stays', async () => {
    await database.pool.query(`update users set role = 'staff' where role = 'admin'`);
    const [one, two] = [await giveAdmin(), await giveAdmin()];
    const answers = await releaseTogether(
      database.pool,
      `select from users where role = 'admin' for update`,
      2,
      [
        () => manage(one, two.userId, { do: 'deactivate' }),
        () => manage(two, one.userId, { do: 'deactivate' }),
      ],
    );
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    const values = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : null));
    expect(values).toEqual(expect.arrayContaining([{ ok: true }, { ok: false, reason: 'not_admin' }]));
    const rows = await Promise.all([one, two].map(({ userId }) => readUserRow(database.db, userId)));
    expect(rows.filter((row) => row!.deactivatedAt === null)).toHaveLength(1);
  });

  test('three who take each other’s role in a circle at the same instant, one stays at least', async () => {
    await database.pool.query(`update users set role = 'staff' where role = 'admin'`);
    const admins = [await giveAdmin(), await giveAdmin(), await giveAdmin()];
    await database.pool.query(`update users set email_proven_at = now() where role = 'admin'`);
    const answers = await releaseTogether(
      database.pool,
      `select from users where role = 'admin' for update`,
      3,
      admins.map(
        (admin, n) => () => manage(admin, admins[(n + 1) % 3]!.userId, { do: 'change_role', role: 'staff' }),
      ),
    );
    expect(answers.every(({ status }) => status === 'fulfilled')).toBe(true);
    const rows = await Promise.all(admins.map(({ userId }) => readUserRow(database.db, userId)));
    expect(rows.filter((row) => row!.role === 'admin').length).toBeGreaterThanOrEqual(1);
  });
});

describe('a deactivation', () => {
  test('ends all that the person has running', async () => {
    const admin = await giveAdmin();
    const person = await makePerson(database.db);
    const { userId } = person;
    const { email } = (await readUserRow(database.db, userId))!;
    const { sessionId } = await openSession(database.db, userId, noon);
    const waiting = await askForUpdate(database.db, person);
    await sendProofAgain(database.db, userId, at(1));
    expect(await manage(admin, userId, { do: 'deactivate' })).toEqual({ ok: true });
    expect(await readSession(database.db, sessionId, after(noon, 61))).toBeNull();
    expect(await readText(database.db, waiting)).toMatchObject({ status: 'canceled' });
    expect(
      await readLink(database.db, await readToken(database.db, email), ['confirm'], after(noon, 61)),
    ).toMatchObject({ reason: 'ended' });
    expect(await manage(admin, userId, { do: 'deactivate' })).toEqual({
      ok: false,
      reason: 'deactivated_already',
    });
  });
});

describe('a reactivation', () => {
  test('lets the person sign in with the password they had', async () => {
    const [admin, { userId, email }] = [await giveAdmin(), await giveProven()];
    expect(await manage(admin, userId, { do: 'reactivate' })).toEqual({
      ok: false,
      reason: 'not_deactivated',
    });
    await manage(admin, userId, { do: 'deactivate' });
    expect(await signIn(database.db, { email, password }, at(61))).toEqual({
      ok: false,
      reason: 'deactivated',
    });
    expect(await manage(admin, userId, { do: 'reactivate' })).toEqual({ ok: true });
    expect(await signIn(database.db, { email, password }, at(62))).toMatchObject({ ok: true });
  });

  test('is refused where the owner of the email had the account closed', async () => {
    const admin = await giveAdmin();
    const { userId, email } = await givePerson(database.db, { active: true });
    await sendProofAgain(database.db, userId, at(1));
    expect(await disownAccount(database.db, await readToken(database.db, email), at(2))).toEqual({
      ok: true,
    });
    expect(await manage(admin, userId, { do: 'reactivate' })).toEqual({
      ok: false,
      reason: 'email_released',
    });
    expect((await readUserRow(database.db, userId))!.deactivatedAt).not.toBeNull();
  });
});

describe('unlocking', () => {
  test('resets the tries that wrong passwords spent, also at the address where they were spent', async () => {
    const [admin, { userId, email }] = [await giveAdmin(), await giveProven()];
    const here = contextAt(after(noon, 30));
    for (let n = 0; n < 5; n += 1) await signIn(database.db, { email, password: 'wrong' }, here);
    expect(await signIn(database.db, { email, password }, here)).toMatchObject({
      reason: 'too_many_passwords',
    });
    expect(await manage(admin, userId, { do: 'unlock' })).toEqual({ ok: true });
    expect(await signIn(database.db, { email, password }, { ...here, now: after(noon, 61) })).toMatchObject({
      ok: true,
    });
  });

  test('is what the page of the person says they need: by what they are locked, until when, and no more afterwards', async () => {
    const { db } = database;
    const [admin, { userId, email }] = [await giveAdmin(), await giveProven()];
    const locksAt = (seconds: number) => readAccountLocks(db, { id: userId, email }, after(noon, seconds));
    const none = { passwords: { everywhere: null, ofAddresses: [] }, codes: null };
    expect(await locksAt(0)).toEqual(none);
    const here = { ...contextAt(after(noon, 30)), address: '203.0.113.9' };
    for (let n = 0; n < 4; n += 1) await signIn(db, { email, password: 'wrong' }, here);
    expect(await locksAt(31)).toEqual(none);
    await signIn(db, { email, password: 'wrong' }, here);
    const [locked] = (await locksAt(31)).passwords.ofAddresses;
    expect(locked!.address).toBe('203.0.113.9');
    // To the second when this address may try again, as signing in itself says.
    const refused = await signIn(db, { email, password }, { ...here, now: after(noon, 31) });
    expect(refused).toMatchObject({ reason: 'too_many_passwords', retryAt: locked!.until });
    // Of the ten that pause codes, nine wrong ones say nothing yet.
    for (let n = 0; n < 9; n += 1) await countTry(db, userId, after(noon, 40));
    expect((await locksAt(41)).codes).toBeNull();
    await countTry(db, userId, after(noon, 40));
    expect((await locksAt(41)).codes).toEqual({ reason: 'paused', retryAt: after(noon, 40 + 15 * 60) });
    await database.pool.query(
      'update second_factor_tries set wrong_in_a_row = 100, paused_until = null where user_id = $1',
      [userId],
    );
    expect((await locksAt(41)).codes).toEqual({ reason: 'shut' });
    // Fifty in a day, from ever other addresses, close it to all browsers that it does not know.
    const ofAll = { keys: limitKeys('password_email', [emailKey(email)]), rules: limits.passwordsPerEmail };
    for (let n = 0; n < 45; n += 1) await takeHits(db, [ofAll], after(noon, 41));
    const { everywhere } = (await locksAt(42)).passwords;
    expect(everywhere!.getTime()).toBeGreaterThan(after(noon, 23 * 3600).getTime());
    expect(await manage(admin, userId, { do: 'unlock' })).toEqual({ ok: true });
    expect(await locksAt(61)).toEqual(none);
  });

  test('leaves what was counted for another email', async () => {
    const [admin, person, other] = [await giveAdmin(), await giveProven(), newEmail()];
    const here = contextAt(after(noon, 30));
    for (const email of [person.email, other]) {
      for (let n = 0; n < 5; n += 1) await signIn(database.db, { email, password: 'wrong' }, here);
    }
    await manage(admin, person.userId, { do: 'unlock' });
    expect(await signIn(database.db, { email: other, password }, here)).toMatchObject({
      reason: 'too_many_passwords',
    });
    expect(
      await database.db.$count(
        auditLog,
        and(eq(auditLog.userId, person.userId), eq(auditLog.action, 'account_unlocked')),
      ),
    ).toBe(1);
  });
});
