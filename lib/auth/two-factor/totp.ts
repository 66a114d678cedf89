import { and, eq, gt, gte, isNotNull, isNull, ne, or, sql } from 'drizzle-orm';
import { thisChange } from '@/db/schema/columns';
import { generateSecret, generateURI, verify } from 'otplib';
import { totpKeys } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { olderSealMarks, seal, sealMark, unseal } from '@/lib/seal';

/** 160 bits, as RFC 4226 recommends. */
const keyBytes = 20;

/**
 * A code is for one step; that of the step before and after is taken, too, for a phone whose clock is a little off (RFC 6238
 * 5.2).
 */
const stepSeconds = 30;

/** Servers' clocks may be so far apart. A step further ahead was written by a clock that was wrong. */
const stepsApart = 3600 / stepSeconds;

/** For so long a key waits for its first code. */
const waitingSeconds = 3600;

const label = 'totp-key';

/** Whoever sets up a factor, and the session that they do it in. */
type Enrolling = { userId: string; sessionId: string };

export type TotpKey = typeof totpKeys.$inferSelect;

/**
 * Gives a person a new key that waits for its first code in this session, for an hour: whoever had the account open before cannot
 * leave them one that they know. One that waited before is gone. Their present app goes on counting until then. `key`: base32, of
 * 160 random bits unless it is given.
 */
export async function startTotp(
  tx: Tx,
  { userId, sessionId }: Enrolling,
  now: Date,
  key = generateSecret({ length: keyBytes }),
): Promise<void> {
  await tx.delete(totpKeys).where(and(eq(totpKeys.userId, userId), isNull(totpKeys.confirmedAt)));
  const sealedKey = seal(label, bind({ userId, key, sessionId }));
  await tx
    .insert(totpKeys)
    .values({ id: newId(), userId, sealedKey, sealedWith: sealMark(), createdAt: now });
}

/**
 * The key that waits for its first code in this session: base32, and as the address that a QR code holds; null: none does. In:
 * how the app is to name the account.
 */
export async function readWaitingTotp(
  db: Db | Tx,
  { email, ...enrolling }: Enrolling & { email: string },
  now: Date,
): Promise<{ id: string; key: string; uri: string } | null> {
  const [row] = await db.select().from(totpKeys).where(isWaiting(enrolling.userId, now));
  const key = row === undefined ? null : openWaiting(row, enrolling);
  if (row === undefined || key === null) return null;
  return { id: row.id, key, uri: generateURI({ issuer: env().siteName, label: email, secret: key }) };
}

/** Makes the key that waits the one that counts, by its first code. False: none waits, or the code is not of it. */
export async function confirmTotp(
  tx: Tx,
  { code, ...enrolling }: Enrolling & { code: string },
  now: Date,
): Promise<boolean> {
  const { userId } = enrolling;
  const [row] = await tx.select().from(totpKeys).where(isWaiting(userId, now)).for('update');
  const isTheirs = row !== undefined && openWaiting(row, enrolling) !== null;
  const step = isTheirs ? await findStep(row, code, now) : null;
  if (row === undefined || step === null) return false;
  await tx.delete(totpKeys).where(and(eq(totpKeys.userId, userId), ne(totpKeys.id, row.id)));
  await tx
    .update(totpKeys)
    .set({ confirmedAt: now, change: thisChange, lastStep: step, lastUsedAt: now })
    .where(eq(totpKeys.id, row.id));
  return true;
}

/**
 * Whether a code is one of the person's app right now. Each counts once, and none of an earlier time after it (RFC 6238 5.2): one
 * conditional UPDATE decides. Where another server's clock was ahead, it takes as long until the next one counts.
 */
export async function checkTotp(
  db: Db | Tx,
  { userId, code }: { userId: string; code: string },
  now: Date,
): Promise<boolean> {
  const [row] = await db
    .select()
    .from(totpKeys)
    .where(and(eq(totpKeys.userId, userId), isNotNull(totpKeys.confirmedAt)));
  const step = row === undefined ? null : await findStep(row, code, now);
  if (row === undefined || step === null) return false;
  const used = await db
    .update(totpKeys)
    .set({ lastStep: step, lastUsedAt: now })
    .where(
      and(
        eq(totpKeys.id, row.id),
        sql`(${totpKeys.lastStep} between ${step} and ${stepAt(now) + stepsApart}) is not true`,
      ),
    )
    .returning({ id: totpKeys.id });
  return used.length > 0;
}

/** Since when a person's app counts, and when it was last used; null: they have none. */
export async function readTotp(
  db: Db,
  userId: string,
): Promise<{ confirmedAt: Date; lastUsedAt: Date | null } | null> {
  const [row] = await db
    .select({ confirmedAt: totpKeys.confirmedAt, lastUsedAt: totpKeys.lastUsedAt })
    .from(totpKeys)
    .where(and(eq(totpKeys.userId, userId), isNotNull(totpKeys.confirmedAt)));
  return row?.confirmedAt ? { confirmedAt: row.confirmedAt, lastUsedAt: row.lastUsedAt } : null;
}

/**
 * Takes the app off a person, also one that waits; with `since`, only one that counts since that change or waits. False: they had none
 * that counts.
 */
export async function removeTotp(tx: Tx, userId: string, since: number | null = null): Promise<boolean> {
  const isNewer = since === null ? undefined : or(isNull(totpKeys.confirmedAt), gte(totpKeys.change, since));
  const removed = await tx
    .delete(totpKeys)
    .where(and(eq(totpKeys.userId, userId), isNewer))
    .returning({ confirmedAt: totpKeys.confirmedAt });
  return removed.some(({ confirmedAt }) => confirmedAt !== null);
}

/**
 * Seals the keys that are sealed under an older secret once more, `limit` at most, so that it can be taken out of AUTH_SECRET.
 * Those whose secret is gone stay as they are: it may come back. Out: how many were looked at.
 */
export async function resealTotpKeys(db: Db, _now: Date, limit: number): Promise<number> {
  const mark = sealMark();
  const rows = await db
    .select()
    .from(totpKeys)
    .where(sql`${totpKeys.sealedWith} = any(${sql.param(olderSealMarks())}::text[])`)
    .limit(limit);
  for (const row of rows) {
    const plain = unseal(label, row.sealedKey);
    // A broken one opens under no secret, and is not to be looked at for ever.
    const sealedKey = plain === null ? row.sealedKey : seal(label, plain);
    await db
      .update(totpKeys)
      .set({ sealedKey, sealedWith: mark })
      .where(and(eq(totpKeys.id, row.id), eq(totpKeys.sealedKey, row.sealedKey)));
  }
  return rows.length;
}

function isWaiting(userId: string, now: Date) {
  const since = new Date(now.getTime() - waitingSeconds * 1000);
  return and(eq(totpKeys.userId, userId), isNull(totpKeys.confirmedAt), gt(totpKeys.createdAt, since));
}

/** The key belongs to its account: put into another's row, it opens nothing. Until it counts, it belongs to a session, too. */
function bind({ userId, key, sessionId }: Enrolling & { key: string }): string {
  return [userId, key, sessionId].join(' ');
}

function openKey({ userId, sealedKey }: TotpKey): string | null {
  const [owner, key] = (unseal(label, sealedKey) ?? '').split(' ');
  return owner === userId && key !== undefined ? key : null;
}

function openWaiting(row: TotpKey, { sessionId }: Enrolling): string | null {
  const [, , begunIn] = (unseal(label, row.sealedKey) ?? '').split(' ');
  return begunIn === sessionId ? openKey(row) : null;
}

function stepAt(now: Date): number {
  return Math.floor(now.getTime() / 1000 / stepSeconds);
}

/** The time step that a code belongs to, of those that may still be used; null: it is none of this key. */
async function findStep(row: TotpKey, code: string, now: Date): Promise<number | null> {
  const secret = openKey(row);
  if (secret === null || !/^[0-9]{6}$/.test(code)) return null;
  // The library takes none further ahead; whether the code counts, the UPDATE decides.
  const isPlausible = row.lastStep !== null && row.lastStep >= 0 && row.lastStep <= stepAt(now) + 1;
  const found = await verify({
    secret,
    token: code,
    epoch: Math.floor(now.getTime() / 1000),
    period: stepSeconds,
    epochTolerance: stepSeconds,
    ...(isPlausible && { afterTimeStep: row.lastStep! }),
  });
  return found.valid && 'timeStep' in found ? found.timeStep : null;
}
