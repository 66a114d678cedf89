import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { loginGrants, pendingTokens, sessions } from '@/db/schema/accounts';
import { issuePendingToken } from '@/lib/accounts/pending';
import { mintLoginGrant } from '@/lib/accounts/users';
import { changePassword } from '@/lib/auth/change-password';
import { signIn } from '@/lib/auth/sign-in';
import { useDatabase } from '../../support/database';
import { after, contextAt, noon } from '../../support/people';
import { giveSettledPerson, openSession, password, readTexts } from '../../support/settled-person';

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
    expect(await changePassword(database.db, person, passwords, contextAt(after(noon, 60)))).toEqual({
      ok: true,
    });
    expect(await rowsOf(person.userId)).toEqual({ sessions: [person.sessionId], grants: 0, pending: 0 });
    const { email } = person;
    expect(await signIn(database.db, { email, password }, contextAt(noon))).toMatchObject({ ok: false });
    expect(await signIn(database.db, { email, password: newPassword }, contextAt(noon))).toMatchObject({
      ok: true,
    });
  });

  test('tells a person who wants texts about security, and nobody else', async () => {
    const wanting = await giveSettledPerson(database.db);
    const silent = await giveSettledPerson(database.db, { texts: false });
    const passwords = { currentPassword: password, newPassword };
    for (const person of [wanting, silent]) {
      expect(await changePassword(database.db, person, passwords, contextAt(noon))).toEqual({ ok: true });
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
