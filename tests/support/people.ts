import { eq } from 'drizzle-orm';
import { users, type Role } from '@/db/schema/accounts';
import { smsVerifications } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { issuePendingToken } from '@/lib/accounts/pending';
import { insertUser } from '@/lib/accounts/users';
import { grantConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { newId } from '@/lib/random';
import { codesOf, readLastChallenge } from '@/lib/sms/verification/challenge';
import { requestCode } from '@/lib/sms/verification/request';
import { lockNumber } from '@/lib/sms/numbers/number';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import type { ProverHere } from '@/lib/sms/verification/prover';

export const noon = new Date('2026-11-20T12:00:00Z');

export function after(start: Date, seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000);
}

let addresses = 0;

/** A request at `now`, from an address that no other request of this file has unless it is given. */
export function contextAt(now: Date, address?: string): RequestContext {
  addresses += 1;
  return {
    now,
    address: address ?? `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`,
    userAgent: 'test',
  };
}

let count = 0;

/** A fictional number that no other test of this run has. */
export function newPhone(): string {
  count += 1;
  return `+1555${String(2_000_000 + (process.pid % 700) * 10_000 + count)}`;
}

export function newEmail(): string {
  return `${newId()}@example.com`;
}

/** Inserts a person; the password hash is one that no password belongs to. */
export async function givePerson(
  db: Db,
  person: {
    active: boolean;
    email?: string;
    phone?: string | null;
    role?: Role;
    enabled?: boolean;
    /** Has agreed to codes at the phone. */
    agreed?: boolean;
    now?: Date;
  },
): Promise<{ userId: string; email: string }> {
  const userId = newId();
  const email = person.email ?? newEmail();
  const now = person.now ?? noon;
  await insertUser(db, {
    id: userId,
    email,
    name: 'Test Person',
    passwordHash: 'v1$2b$12$AlhKhXCuxpADTGewdrf4.e9KGIWPvEigRIsPbm9zrSKvnPnmI9beK',
    role: person.role,
    phone: person.phone ?? null,
    active: person.active,
    now,
  });
  await createPreferences(db, { userId, enabled: person.enabled ?? false, timeZone: null, now });
  const { phone } = person;
  if (phone && person.agreed) {
    await db.transaction((tx) =>
      grantConsent(tx, { userId, phone, scopes: ['verification'], medium: 'registration' }, contextAt(now)),
    );
  }
  return { userId, email };
}

/** A pending person whose code has been asked for at `now`. */
export async function givePending(
  db: Db,
  phone: string,
  now = noon,
): Promise<ProverHere & { phone: string; code: string; challengeId: string }> {
  const { userId } = await givePerson(db, { active: false, phone, agreed: true, now });
  const readFrom = { pendingToken: await issuePendingToken(db, userId, now) };
  const prover = { userId, role: 'applicant' as const, phone, purpose: 'activate' as const, readFrom };
  const sent = await db.transaction(async (tx) =>
    requestCode(tx, { userId, purpose: 'activate', number: await lockNumber(tx, phone) }, contextAt(now)),
  );
  if (!sent.ok) throw new Error(`No code could be asked for: ${sent.reason}`);
  return { ...prover, code: codesOf(sent.challenge)[0]!, challengeId: sent.challenge.id };
}

/** The right code of a person's newest challenge. */
export async function readCode(db: Db, userId: string): Promise<string> {
  const challenge = await readLastChallenge(db, userId, noon);
  if (!challenge) throw new Error('This person has no challenge');
  return codesOf(challenge)[0]!;
}

/** Codes that are all wrong. */
export function wrongCodes(right: string, howMany: number): string[] {
  return Array.from({ length: howMany }, (_, i) =>
    String((Number(right) + 1 + i) % 1_000_000).padStart(6, '0'),
  );
}

export async function readUserRow(db: Db, userId: string) {
  const [row] = await db.select().from(users).where(eq(users.id, userId));
  return row;
}

export async function readChallengeRow(db: Db, challengeId: string) {
  const [row] = await db.select().from(smsVerifications).where(eq(smsVerifications.id, challengeId));
  return row!;
}
