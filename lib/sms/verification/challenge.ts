import { and, desc, eq, gt, isNull, lt, sql, type SQL } from 'drizzle-orm';
import {
  recoveries,
  signInCodes,
  smsVerifications,
  type SendClass,
  type VerificationPurpose,
} from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';
import { newId, newNonce } from '@/lib/random';
import { countsUntil, lastsStill, latestBelieved } from '@/lib/stored-moment';
import { codeMatches, deriveCodes } from './code';

export type Challenge = typeof smsVerifications.$inferSelect;

/** What a code is derived from and lasts by: a challenge, a recovery, or a second factor. */
export type CodeSource = Pick<
  Challenge,
  'id' | 'phone' | 'nonce' | 'expiresAt' | 'wrongTries' | 'consumedAt' | 'endedAt'
> & { purpose: VerificationPurpose | 'recover' | 'sign_in' };

/** A recovery as the source of its code; null: there is none, or its code goes nowhere. */
export function ofRecovery(recovery: typeof recoveries.$inferSelect | null): CodeSource | null {
  if (recovery === null || recovery.phone === null) return null;
  return { ...recovery, phone: recovery.phone, purpose: 'recover' };
}

/** A code by text for signing in as the source of that code; its wrong tries are counted by account, with all second factors. */
export function ofSignIn(code: typeof signInCodes.$inferSelect): CodeSource {
  return { ...code, wrongTries: 0, endedAt: null, purpose: 'sign_in' };
}

/** Opens a challenge. There is at most one open per person: the caller ends an earlier one first. */
export async function openChallenge(
  tx: Tx,
  {
    userId,
    phone,
    purpose,
    sendClass,
    now,
  }: { userId: string; phone: string; purpose: VerificationPurpose; sendClass: SendClass; now: Date },
): Promise<Challenge> {
  const [challenge] = await tx
    .insert(smsVerifications)
    .values({
      id: newId(),
      userId,
      phone,
      purpose,
      sendClass,
      nonce: newNonce(),
      createdAt: now,
      lastSentAt: now,
      expiresAt: new Date(now.getTime() + limits.codeTtlSeconds * 1000),
    })
    .returning();
  return challenge!;
}

/** Ends a person's open challenge, if there is one. Its code is worth nothing from now on. */
export async function endChallenge(
  tx: Tx,
  userId: string,
  endedBy: NonNullable<Challenge['endedBy']>,
  now: Date,
): Promise<void> {
  await tx
    .update(smsVerifications)
    .set({ endedAt: now, endedBy })
    .where(
      and(
        eq(smsVerifications.userId, userId),
        isNull(smsVerifications.consumedAt),
        isNull(smsVerifications.endedAt),
      ),
    );
}

/** Notes that the challenge's text is sent once more. */
export async function markChallengeSent(tx: Tx, challengeId: string, now: Date): Promise<void> {
  await tx.update(smsVerifications).set({ lastSentAt: now }).where(eq(smsVerifications.id, challengeId));
}

/** A person's newest challenge, open or not. */
export async function readLastChallenge(db: Db | Tx, userId: string, now: Date): Promise<Challenge | null> {
  const [challenge] = await db
    .select()
    .from(smsVerifications)
    .where(eq(smsVerifications.userId, userId))
    .orderBy(lastChallengeFirst(now))
    .limit(1);
  return challenge ?? null;
}

/** So many challenges before a person's last one are looked at for the code of an older text. */
const mostEarlier = 3;

/** Whether a code that is wrong for a challenge was texted for one before it, as to someone who reads it from an older text. */
export async function isCodeOfEarlier(db: Db | Tx, challenge: Challenge, code: string): Promise<boolean> {
  const earlier = await db
    .select()
    .from(smsVerifications)
    .where(
      and(
        eq(smsVerifications.userId, challenge.userId),
        eq(smsVerifications.phone, challenge.phone),
        lt(smsVerifications.createdAt, challenge.createdAt),
      ),
    )
    .orderBy(desc(smsVerifications.createdAt))
    .limit(mostEarlier);
  return earlier.some((each) => codeMatches(code, codesOf(each)));
}

/** The one that is not over is the newest, and those that a clock wrote which was ahead are the oldest. */
export function lastChallengeFirst(now: Date): SQL {
  const latest = timestamp(latestBelieved(now));
  return sql`consumed_at is null and ended_at is null desc, created_at <= ${latest} desc, created_at desc`;
}

/** When a text with this code, or another in its place, may go out again; null: now. */
export function readNextSend({ lastSentAt }: Pick<Challenge, 'lastSentAt'>, now: Date): Date | null {
  return countsUntil(lastSentAt, limits.secondsBetweenSends * 1000, now);
}

/** Whether a code can still be right for it. */
export function isOpen(challenge: Omit<CodeSource, 'purpose' | 'phone'>, now: Date): boolean {
  return (
    challenge.consumedAt === null &&
    challenge.endedAt === null &&
    lastsStill(challenge.expiresAt, limits.codeTtlSeconds * 1000, now) &&
    challenge.wrongTries < limits.wrongTriesPerChallenge
  );
}

/** Whether its code goes out again when another is asked for: while at least three minutes and one try of it remain. */
export function isSentAgain(challenge: Challenge, now: Date): boolean {
  const leftMs = challenge.expiresAt.getTime() - now.getTime();
  return isOpen(challenge, now) && leftMs >= limits.sameCodeMinimumSeconds * 1000;
}

/** The codes that are right: one per secret in AUTH_SECRET, the newest first, which is the one that is sent. */
export function codesOf(challenge: CodeSource): string[] {
  return deriveCodes(env().authSecrets, {
    nonce: challenge.nonce,
    challengeId: challenge.id,
    purpose: challenge.purpose,
    phone: challenge.phone,
  });
}

/** The code to put into a text right now; null when the challenge is over. Never store or log it. */
export async function readOpenCode(
  db: Db | Tx,
  challengeId: string,
  now: Date,
): Promise<{ code: string; expiresAt: Date } | null> {
  const [challenge] = await db.select().from(smsVerifications).where(eq(smsVerifications.id, challengeId));
  const source =
    challenge ?? ofRecovery(await findRecovery(db, challengeId)) ?? (await findSignIn(db, challengeId));
  if (source === null || !isOpen(source, now)) return null;
  return { code: codesOf(source)[0]!, expiresAt: source.expiresAt };
}

async function findRecovery(db: Db | Tx, id: string): Promise<typeof recoveries.$inferSelect | null> {
  const [recovery] = await db.select().from(recoveries).where(eq(recoveries.id, id));
  return recovery ?? null;
}

async function findSignIn(db: Db | Tx, id: string): Promise<CodeSource | null> {
  const [code] = await db.select().from(signInCodes).where(eq(signInCodes.id, id));
  return code === undefined ? null : ofSignIn(code);
}

/** Every code that can still be right for this number, over all accounts. Never store or log them. */
export async function readOpenCodes(db: Db | Tx, phone: string, now: Date): Promise<Set<string>> {
  const challenges = await db
    .select()
    .from(smsVerifications)
    .where(
      and(
        eq(smsVerifications.phone, phone),
        isNull(smsVerifications.consumedAt),
        isNull(smsVerifications.endedAt),
        gt(smsVerifications.expiresAt, now),
      ),
    );
  const asked = await db
    .select()
    .from(recoveries)
    .where(and(eq(recoveries.phone, phone), gt(recoveries.expiresAt, now)));
  const signingIn = await db
    .select()
    .from(signInCodes)
    .where(and(eq(signInCodes.phone, phone), gt(signInCodes.expiresAt, now)));
  const sources = [
    ...challenges,
    ...asked.flatMap((recovery) => ofRecovery(recovery) ?? []),
    ...signingIn.map(ofSignIn),
  ];
  return new Set(sources.filter((source) => isOpen(source, now)).flatMap(codesOf));
}
