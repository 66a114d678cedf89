import { createHash } from 'node:crypto';
import { hash as bcrypt } from 'bcryptjs';
import { eq } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { hashPassword, needsRehash } from '@/lib/accounts/password';
import { endPendingTokens, readPending } from '@/lib/accounts/pending';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, givePerson, newEmail, newPhone, noon } from '@/tests/support/people';

const database = useDatabase();
const password = 'violet otter cactus';
let passwordHash = '';

beforeAll(async () => {
  const hash = await hashPassword(password);
  if (hash.ok) passwordHash = hash.value;
});

async function giveSignIn(active: boolean) {
  const person = await givePerson(database.db, { active, phone: active ? null : newPhone() });
  await database.db.update(users).set({ passwordHash }).where(eq(users.id, person.userId));
  return person;
}

describe('signing in', () => {
  test('with the right password opens a session that ends when the account is deactivated', async () => {
    const { userId, email } = await giveSignIn(true);
    const signedIn = await signIn(database.db, { email: email.toUpperCase(), password }, contextAt(noon));
    if (!signedIn.ok || signedIn.next !== 'dashboard') throw new Error('not signed in');
    const session = (await redeemLoginGrant(database.db, signedIn.grant, contextAt(noon)))!;
    expect(await readSession(database.db, session.sessionId, after(noon, 1))).toMatchObject({ userId });
    await database.db.update(users).set({ role: 'staff' }).where(eq(users.id, userId));
    expect(await readSession(database.db, session.sessionId, after(noon, 2))).toMatchObject({
      role: 'staff',
    });
    await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, userId));
    expect(await readSession(database.db, session.sessionId, after(noon, 3))).toBeNull();
    expect(await signIn(database.db, { email, password }, contextAt(after(noon, 4)))).toEqual({
      ok: false,
      reason: 'deactivated',
    });
  });

  test('with a hash of less work renews it once, and all who sign in at that instant are let in', async () => {
    const { userId, email } = await giveSignIn(true);
    const digest = createHash('sha384').update('doorstep-password/v1\0').update(password).digest('base64');
    const cheap = `v1${await bcrypt(digest, 4)}`;
    await database.db.update(users).set({ passwordHash: cheap }).where(eq(users.id, userId));
    const outcomes = await releaseTogether(
      database.pool,
      `select 1 from users where id = '${userId}' for update`,
      3,
      Array.from({ length: 3 }, () => () => signIn(database.db, { email, password }, contextAt(noon))),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'fulfilled', value: { ok: true, next: 'dashboard' } });
    }
    const [row] = await database.db.select().from(users).where(eq(users.id, userId));
    expect(needsRehash(row!.passwordHash)).toBe(false);
  });

  test('to a pending account leads to the code page and not inside', async () => {
    const { userId, email } = await giveSignIn(false);
    const signedIn = await signIn(database.db, { email, password }, contextAt(noon));
    if (!signedIn.ok || signedIn.next !== 'verify') throw new Error('not pending');
    expect(await readPending(database.db, signedIn.pendingToken, after(noon, 1))).toMatchObject({
      id: userId,
    });
    const second = await signIn(database.db, { email, password }, contextAt(after(noon, 2)));
    expect(second).toMatchObject({ ok: true, next: 'verify' });
    expect(await readPending(database.db, signedIn.pendingToken, after(noon, 3))).not.toBeNull();
    await endPendingTokens(database.db, userId);
    expect(await readPending(database.db, signedIn.pendingToken, after(noon, 4))).toBeNull();
  });

  test('a pending token ends after 24 hours, however often it is used', async () => {
    const { email } = await giveSignIn(false);
    const signedIn = await signIn(database.db, { email, password }, contextAt(noon));
    if (!signedIn.ok || signedIn.next !== 'verify') throw new Error('not pending');
    let now = noon;
    while (now < after(noon, 24 * 3600 - 1500)) {
      now = after(now, 1500);
      expect(await readPending(database.db, signedIn.pendingToken, now)).not.toBeNull();
    }
    expect(await readPending(database.db, signedIn.pendingToken, after(noon, 24 * 3600))).toBeNull();
  });

  test('an unknown email and a wrong password are refused alike and counted alike', async () => {
    const { email } = await giveSignIn(true);
    for (const who of [email, newEmail()]) {
      const outcomes: unknown[] = [];
      for (let i = 0; i < 6; i += 1) {
        outcomes.push(
          await signIn(database.db, { email: who, password: `wrong ${i}` }, contextAt(noon, '192.0.2.6')),
        );
      }
      // The last tries are told before the wait, for both.
      expect(outcomes.slice(0, 5)).toEqual(
        [undefined, 3, 2, 1, 0].map((count) => ({
          ok: false,
          reason: 'wrong_credentials',
          triesLeft: count === undefined ? undefined : { count, thenAt: after(noon, 900) },
        })),
      );
      expect(outcomes[5]).toEqual({ ok: false, reason: 'too_many_passwords', retryAt: after(noon, 900) });
    }
    expect(await signIn(database.db, { email, password }, contextAt(after(noon, 900)))).toMatchObject({
      ok: true,
    });
  });

  test('twelve wrong passwords at the same instant are looked at five times', async () => {
    const { email } = await giveSignIn(true);
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        signIn(database.db, { email, password: `wrong ${i}` }, contextAt(noon, '192.0.2.7')),
      ),
    );
    const reasons = outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.reason));
    expect(reasons.filter((reason) => reason === 'wrong_credentials')).toHaveLength(5);
    expect(reasons.filter((reason) => reason === 'too_many_passwords')).toHaveLength(7);
  });

  test('no spelling of an email has tries of its own, unless it is another account', async () => {
    const email = `xiX-${newEmail()}`;
    const { userId } = await givePerson(database.db, { active: true, email });
    await database.db.update(users).set({ passwordHash }).where(eq(users.id, userId));
    const spellings = [email, email.toUpperCase(), ` ${email}`, email.replace('xiX', 'XIx'), email];
    for (const spelling of spellings) {
      const guess = { email: spelling, password: 'wrong' };
      expect(await signIn(database.db, guess, contextAt(noon, '192.0.2.9'))).toMatchObject({
        reason: 'wrong_credentials',
      });
    }
    expect(await signIn(database.db, { email, password }, contextAt(noon, '192.0.2.9'))).toMatchObject({
      reason: 'too_many_passwords',
    });
    const dotted = { email: email.replace('xiX', 'x\u0130X'), password };
    expect(await signIn(database.db, dotted, contextAt(noon))).toEqual({
      ok: false,
      reason: 'wrong_credentials',
    });
  });

  test('right passwords do not count', async () => {
    const { email } = await giveSignIn(true);
    for (let i = 0; i < 7; i += 1) {
      expect(await signIn(database.db, { email, password }, contextAt(after(noon, i)))).toMatchObject({
        ok: true,
      });
    }
  });

  test('fifty wrong passwords a day close an email for every browser that its account does not know', async () => {
    const email = newEmail();
    const day = { keys: limitKeys('password_email', [email]), rules: limits.passwordsPerEmail };
    for (let i = 0; i < 48; i += 1) await takeHits(database.db, [day], noon);
    const outcomes: unknown[] = [];
    for (let i = 0; i < 3; i += 1) {
      outcomes.push(await signIn(database.db, { email, password: 'wrong' }, contextAt(after(noon, 60))));
    }
    const thenAt = after(noon, 24 * 3600);
    expect(outcomes).toEqual([
      { ok: false, reason: 'wrong_credentials', triesLeft: { count: 1, thenAt } },
      { ok: false, reason: 'wrong_credentials', triesLeft: { count: 0, thenAt } },
      { ok: false, reason: 'too_many_passwords', retryAt: after(noon, 24 * 3600) },
    ]);
  });

  test('refusals are in the audit log without the password', async () => {
    const { userId, email } = await giveSignIn(true);
    await signIn(database.db, { email, password: 'a very secret guess' }, contextAt(noon));
    const rows = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(rows).toMatchObject([{ action: 'sign_in_refused' }]);
    expect(JSON.stringify(rows)).not.toContain('secret');
  });
});
