import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { auditLog, sessions } from '@/db/schema/accounts';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { listSessions, mostSessions, readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { endOthers } from '@/lib/auth/sign-in/end-sessions';
import { useDatabase } from '../../support/database';
import { after, contextAt, givePerson, noon } from '../../support/people';
import { openSession } from '../../support/settled-person';

const database = useDatabase();

const readIds = async (userId: string) =>
  (await database.db.select({ id: sessions.id }).from(sessions).where(eq(sessions.userId, userId))).map(
    ({ id }) => id,
  );

test('the twenty-first browser signs out the one that was seen longest ago, and nobody else', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const bystander = await givePerson(database.db, { active: true });
  const theirs = await openSession(database.db, bystander.userId, noon);
  const opened: string[] = [];
  for (let i = 0; i < mostSessions; i += 1) {
    opened.push((await openSession(database.db, userId, after(noon, i))).sessionId);
  }
  // The first one was used since, so the second is the one that was not.
  await readSession(database.db, opened[0]!, after(noon, 1000));
  const last = await openSession(database.db, userId, after(noon, 2000));
  const kept = [last.sessionId, opened[0], ...opened.slice(2).reverse()];
  expect((await listSessions(database.db, userId, after(noon, 2000))).map(({ id }) => id)).toEqual(kept);
  expect(await readSession(database.db, opened[1]!, after(noon, 2000))).toBeNull();
  expect(await readIds(bystander.userId)).toEqual([theirs.sessionId]);
});

test('fifty sign-ins at the same instant leave exactly twenty sessions, beside whoever ends the others', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const signIn = async () => {
    const { grant } = await mintLoginGrant(database.db, userId, noon);
    return redeemLoginGrant(database.db, grant, contextAt(noon));
  };
  const opened = await Promise.all(Array.from({ length: 50 }, signIn));
  expect(opened.every((session) => session !== null)).toBe(true);
  expect(await readIds(userId)).toHaveLength(mostSessions);

  const [own] = await readIds(userId);
  const person = { userId, sessionId: own! };
  await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      i % 4 === 0 ? endOthers(database.db, person, contextAt(noon)) : signIn(),
    ),
  );
  const left = await readIds(userId);
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThanOrEqual(mostSessions);
});

test('an account with thousands of sessions of an earlier version has twenty after the next sign-in', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  await database.db.insert(sessions).values(
    Array.from({ length: 5000 }, (_, i) => ({
      id: randomUUID(),
      userId,
      createdAt: after(noon, -i),
      lastSeenAt: after(noon, -i),
      expiresAt: after(noon, 30 * 86_400),
    })),
  );
  expect(await listSessions(database.db, userId, noon)).toHaveLength(mostSessions);
  const { sessionId } = await openSession(database.db, userId, after(noon, 1));
  expect(await readIds(userId)).toHaveLength(mostSessions);
  expect((await listSessions(database.db, userId, after(noon, 1)))[0]!.id).toBe(sessionId);
});

test('ending all other sessions again and again writes nothing down where there are none', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const { sessionId } = await openSession(database.db, userId, noon);
  await openSession(database.db, userId, noon);
  for (let i = 0; i < 5; i += 1) await endOthers(database.db, { userId, sessionId }, contextAt(noon));
  const rows = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
  expect(rows.map(({ action }) => action)).toEqual(['other_sessions_ended']);
});
