import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { loginGrants, pendingTokens, sessions, users } from '@/db/schema/accounts';
import { issuePendingToken } from '@/lib/accounts/pending';
import { findUser } from '@/lib/accounts/users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import type { Db } from '@/db/client';
import { redeemLoginGrant } from '@/lib/accounts/sessions';
import { changePassword, replacePassword } from '@/lib/auth/settings/change-password';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { endingSession, releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { giveSettledPerson, openSession, password, readTexts } from '@/tests/support/settled-person';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const newPassword = 'another long phrase';

async function rowsOf(userId: string) {
  const mine = await database.db.select().from(sessions).where(eq(sessions.userId, userId));
  const grants = await database.db.select().from(loginGrants).where(eq(loginGrants.userId, userId));
  const pending = await database.db.select().from(pendingTokens).where(eq(pendingTokens.userId, userId));
  return { sessions: mine.map((row) => row.id), grants: grants.length, pending: pending.length };
}

describe('changing the password', () => {
  test('ends every other session, pending token and grant, and keeps the one it is done in', async () => {
    const person = await giveSettledPerson(database.db);
    await openSession(database.db, person.userId, noon);
    await mintLoginGrant(database.db, person.userId, noon);
    await issuePendingToken(database.db, person.userId, noon);
    const passwords = { currentPassword: password, newPassword };
    expect(await changePassword(database.db, person, passwords, contextAt(after(noon, 60)))).toMatchObject({
      ok: true,
    });
    expect(await rowsOf(person.userId)).toEqual({ sessions: [person.sessionId], grants: 0, pending: 0 });
    const { email } = person;
    expect(await signIn(database.db, { email, password }, contextAt(noon))).toMatchObject({ ok: false });
    expect(await signIn(database.db, { email, password: newPassword }, contextAt(noon))).toMatchObject({
      ok: true,
    });
  });

  const replace = (tx: Parameters<typeof replacePassword>[0], user: Parameters<typeof replacePassword>[1]) =>
    replacePassword(
      tx,
      user,
      'another hash',
      { action: 'password_changed', actorId: null, keptSession: null },
      contextAt(noon),
    );

  /** Resolves when so many statements of this database wait for a lock. */
  async function untilWaiting(count: number): Promise<void> {
    await vi.waitUntil(
      async () => {
        const { rows } = await database.pool.query<{ waiting: number }>(
          `select count(*)::int as waiting from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows[0]!.waiting >= count;
      },
      { timeout: 30_000, interval: 10 },
    );
  }

  test.each(['open', 'pending'] as const)(
    'beside a sign-in with the old one (%s account): the sign-in opens nothing',
    async (state) => {
      const person = await giveSettledPerson(database.db);
      if (state === 'pending') {
        await database.db.update(users).set({ activatedAt: null }).where(eq(users.id, person.userId));
      }
      const user = (await findUser(database.db, person.userId))!;
      const { email } = person;
      const signing = await database.db.transaction(async (tx) => {
        expect(await replace(tx, user)).toBe(true);
        const begun = signIn(database.db, { email, password }, contextAt(noon));
        await untilWaiting(1);
        return [begun];
      });
      expect(await signing[0]).toEqual({ ok: false, reason: 'wrong_credentials' });
      expect(await rowsOf(person.userId)).toEqual({ sessions: [], grants: 0, pending: 0 });
    },
  );

  test('beside a grant of the old one that is being redeemed: its session ends too', async () => {
    const person = await giveSettledPerson(database.db);
    const user = (await findUser(database.db, person.userId))!;
    const { grant } = await mintLoginGrant(database.db, person.userId, noon);
    const changing = await database.db.transaction(async (tx) => {
      expect(await redeemLoginGrant(tx as unknown as Db, grant, contextAt(noon))).not.toBeNull();
      const begun = database.db.transaction((other) => replace(other, user));
      await untilWaiting(1);
      return [begun];
    });
    expect(await changing[0]).toBe(true);
    expect(await rowsOf(person.userId)).toEqual({ sessions: [], grants: 0, pending: 0 });
  });

  test('is done by no session that ended while it waited', async () => {
    const person = await giveSettledPerson(database.db);
    const passwords = { currentPassword: password, newPassword };
    const [answer] = await releaseTogether(database.pool, endingSession(person), 1, [
      () => changePassword(database.db, person, passwords, contextAt(after(noon, 60))),
    ]);
    expect(answer).toMatchObject({ value: { ok: false, reason: 'not_open' } });
    const { email } = person;
    expect(await signIn(database.db, { email, password }, contextAt(noon))).toMatchObject({ ok: true });
  });

  test('tells a person whom mail reaches by text only if they want texts about security', async () => {
    const wanting = await giveSettledPerson(database.db);
    const silent = await giveSettledPerson(database.db, { texts: false });
    const passwords = { currentPassword: password, newPassword };
    for (const person of [wanting, silent]) {
      await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, person.userId));
      expect(await changePassword(database.db, person, passwords, contextAt(noon))).toMatchObject({
        ok: true,
      });
    }
    expect((await readTexts(database.db, wanting.phone!)).map((text) => text.template)).toEqual([
      'securityNotice',
    ]);
    expect(await readTexts(database.db, silent.phone!)).toEqual([]);
  });

  test('meets the rules of registration, and takes another one than before', async () => {
    const person = await giveSettledPerson(database.db);
    const change = (next: string) =>
      changePassword(database.db, person, { currentPassword: password, newPassword: next }, contextAt(noon));
    expect(await change('short')).toEqual({ ok: false, reason: 'new_password', why: 'too_short' });
    expect(await change('password1')).toEqual({ ok: false, reason: 'new_password', why: 'common' });
    expect(await change('settled person')).toEqual({
      ok: false,
      reason: 'new_password',
      why: 'contains_identity',
    });
    expect(await change(password)).toEqual({ ok: false, reason: 'new_password', why: 'same_as_before' });
  });

  test('by two pages at the same instant takes one of the two', async () => {
    const person = await giveSettledPerson(database.db);
    const answers = await Promise.all(
      ['first new phrase', 'second new phrase'].map((next) =>
        changePassword(
          database.db,
          person,
          { currentPassword: password, newPassword: next },
          contextAt(noon),
        ),
      ),
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers.find((answer) => !answer.ok)).toEqual({ ok: false, reason: 'changed_meanwhile' });
  });
});
