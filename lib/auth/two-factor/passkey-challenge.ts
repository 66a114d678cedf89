import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { spentPasskeyChallenges } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { hashToken } from '@/lib/random';
import { sql } from 'drizzle-orm';

/** How long a browser may take to answer a challenge. */
export const challengeSeconds = 10 * 60;

/**
 * What a challenge is for: to make a passkey or to use one, and whose; `anyone`: it says itself whose it is. An answer to one
 * is worth nothing for another.
 */
export type ChallengeUse = { ceremony: 'create' | 'get'; userId: string };
export const anyone = 'anyone';

const nonceBytes = 16;
const timeBytes = 6;
const macBytes = 16;

/**
 * A new challenge for an authenticator to sign: a nonce, the moment, and an HMAC over both and the use. Nothing is stored, so
 * that nobody who looks at the sign-in page writes a row; only that it was answered is (`spendChallenge`).
 */
export function newChallenge(use: ChallengeUse, now: Date): Uint8Array<ArrayBuffer> {
  const body = Buffer.alloc(nonceBytes + timeBytes);
  randomBytes(nonceBytes).copy(body);
  body.writeUIntBE(now.getTime(), nonceBytes, timeBytes);
  return new Uint8Array([...body, ...macOf(env().authSecrets[0], use, body)]);
}

/** Whether a challenge, as a browser sends it back (base64url), is one of ours for this use and not too old. */
export function isOurChallenge(challenge: string, use: ChallengeUse, now: Date): boolean {
  const bytes = Buffer.from(challenge, 'base64url');
  if (bytes.length !== nonceBytes + timeBytes + macBytes) return false;
  const body = bytes.subarray(0, nonceBytes + timeBytes);
  const ageMs = now.getTime() - body.readUIntBE(nonceBytes, timeBytes);
  // Two web servers' clocks may differ a little.
  if (ageMs > challengeSeconds * 1000 || ageMs < -60_000) return false;
  const mac = bytes.subarray(nonceBytes + timeBytes);
  return env().authSecrets.some((secret) => timingSafeEqual(macOf(secret, use, body), mac));
}

/** Notes that a challenge was answered. False: it was before, also at this very moment. */
export async function spendChallenge(tx: Tx | Db, challenge: string, now: Date): Promise<boolean> {
  // However clocks differ, it is remembered for longer than any server takes it.
  const expiresAt = new Date(now.getTime() + 2 * challengeSeconds * 1000);
  const challengeHash = hashToken(Buffer.from(challenge, 'base64url').toString('base64url'));
  const spent = await tx
    .insert(spentPasskeyChallenges)
    .values({ challengeHash, expiresAt })
    .onConflictDoNothing()
    .returning({ expiresAt: spentPasskeyChallenges.expiresAt });
  return spent.length > 0;
}

/** Forgets answered challenges that are too old to be answered again, `limit` at most. Out: how many. */
export async function pruneSpentChallenges(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from spent_passkey_challenges where challenge_hash = any(array(
      select challenge_hash from spent_passkey_challenges where expires_at < ${timestamp(now)}
      order by expires_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

function macOf(secret: string, { ceremony, userId }: ChallengeUse, body: Buffer): Buffer {
  const key = deriveKey(secret, 'passkey-challenge/v1');
  return createHmac('sha256', key)
    .update(`${ceremony}\n${userId}\n`)
    .update(body)
    .digest()
    .subarray(0, macBytes);
}
