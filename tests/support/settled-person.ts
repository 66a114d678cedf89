import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { users, type Role } from '@/db/schema/accounts';
import { phoneNumbers, smsMessages } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { hashPassword } from '@/lib/accounts/password';
import { readSession, redeemLoginGrant, type SessionUser } from '@/lib/accounts/sessions';
import { insertUser } from '@/lib/accounts/users';
import { mintLoginGrant, type GrantShows } from '@/lib/accounts/login-grants';
import type { signIn } from '@/lib/auth/sign-in/sign-in';
import { grantConsent } from '@/lib/consent/ledger';
import { codesOf, readLastChallenge } from '@/lib/sms/verification/challenge';
import { readPhoneChange } from '@/lib/sms/verification/change-phone';
import { lockNumber } from '@/lib/sms/numbers/number';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import { checkCode } from '@/lib/sms/verification/check-code';
import { setUpTotp } from './factors';
import { contextAt, newEmail, newPhone, noon } from './people';

export const password = 'correct horse battery';
let hash: Promise<string> | undefined;

async function passwordHash(): Promise<string> {
  hash ??= hashPassword(password).then((hashed) => {
    if (!hashed.ok) throw new Error(hashed.reason);
    return hashed.value;
  });
  return hash;
}

export type SettledPerson = {
  userId: string;
  sessionId: string;
  email: string;
  name: string;
  role: Role;
  phone: string | null;
};

/**
 * Someone signed in whose password is `password`; with a phone, it is proven, agreed to, and texts are on. Whoever has to hold a
 * second factor has an authenticator app, unless `factor` is false, and has shown it in the session.
 */
export async function giveSettledPerson(
  db: Db,
  {
    phone = newPhone(),
    role = 'applicant',
    texts = true,
    factor = role !== 'applicant',
    now = noon,
  }: {
    phone?: string | null;
    role?: Role;
    texts?: boolean;
    factor?: boolean;
    now?: Date;
  } = {},
): Promise<SettledPerson> {
  const userId = randomUUID();
  const email = newEmail();
  const name = 'Settled Person';
  const stored = await passwordHash();
  await db.transaction(async (tx) => {
    await insertUser(tx, { id: userId, email, name, passwordHash: stored, role, phone, active: true, now });
    await createPreferences(tx, {
      userId,
      enabled: texts && phone !== null,
      timeZone: 'America/New_York',
      now,
    });
    if (factor) await setUpTotp(tx, { userId, email }, now);
    if (phone === null) return;
    await lockNumber(tx, phone);
    await tx
      .update(phoneNumbers)
      .set({ holderUserId: userId, heldSince: now })
      .where(eq(phoneNumbers.number, phone));
    const scopes = texts ? (['verification', 'updates'] as const) : (['verification'] as const);
    await grantConsent(tx, { userId, phone, scopes, medium: 'registration' }, contextAt(now));
  });
  const { sessionId } = await openSession(db, userId, now, factor ? { secondFactorAt: now } : {});
  return { userId, sessionId, email, name, role, phone };
}

/** A session of someone, who has shown in it what `shows` says. */
export async function openSession(
  db: Db,
  userId: string,
  now: Date,
  shows: GrantShows = {},
): Promise<{ sessionId: string }> {
  const { grant } = await mintLoginGrant(db, userId, now, shows);
  const session = await redeemLoginGrant(db, grant, contextAt(now));
  if (!session) throw new Error('The grant opened no session');
  return session;
}

/** Enters the right code of the number that waits to be proven, as the code page does. */
export async function enterCode(db: Db, person: SettledPerson, now: Date) {
  const [user] = await db.select().from(users).where(eq(users.id, person.userId));
  const owner = { userId: person.userId, phone: user!.phone };
  const change = await readPhoneChange(db, owner, now);
  const challenge = await readLastChallenge(db, person.userId, now);
  const prover = {
    userId: person.userId,
    role: person.role,
    purpose: 'prove' as const,
    phone: change?.phone ?? owner.phone,
    changesFrom: change ? owner.phone : null,
    readFrom: { sessionId: person.sessionId },
  };
  return checkCode(db, prover, codesOf(challenge!)[0]!, contextAt(now));
}

/** Makes an address one that its person has proven, at noon. */
export async function proveEmailOf(db: Db, { userId }: { userId: string }): Promise<void> {
  await db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, userId));
}

export async function readTexts(db: Db, phone: string) {
  return db.select().from(smsMessages).where(eq(smsMessages.phone, phone)).orderBy(smsMessages.createdAt);
}

/** The mark that a sign-in gave the browser. */
export function markOf(answer: Awaited<ReturnType<typeof signIn>>): string {
  if (!answer.ok || answer.next === 'second_factor') throw new Error('Not signed in by a password alone');
  return answer.mark;
}

/** The person as a session of theirs knows them at a moment. */
export async function readSessionOf(
  db: Db,
  { sessionId }: { sessionId: string },
  now: Date,
): Promise<SessionUser> {
  const user = await readSession(db, sessionId, now);
  if (!user) throw new Error('The session is over');
  return user;
}
