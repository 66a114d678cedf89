import { randomBytes } from 'node:crypto';
import { and, count, eq, gt, gte, isNotNull, isNull, ne, or, sql } from 'drizzle-orm';
import { thisChange } from '@/db/schema/columns';
import { recoveryCodes, recoveryCodeSets } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { hashToken, newId } from '@/lib/random';
import { seal, unseal } from '@/lib/seal';

const codesInSet = 10;
/** For so long they wait to be typed back. */
const waitingSeconds = 3600;
/** When so few are left, the person is asked to make new ones. */
export const fewCodes = 3;

/** Crockford's base 32: no letter looks like a digit or another letter. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const codeLength = 24;

const label = 'recovery-codes';

/** One code: 24 characters of 5 random bits each, in groups of four. */
function newCode(): string {
  const characters = Array.from(randomBytes(codeLength), (byte) => alphabet[byte % 32]!).join('');
  return characters.match(/.{4}/g)!.join('-');
}

/**
 * Reads a recovery code as a person types it: in any case, with or without dashes and spaces, O for 0, I and L for 1. Null: it is
 * no code, which is not worth a try.
 */
export function normalizeRecoveryCode(raw: string): string | null {
  if (raw.length > 100) return null;
  const code = raw
    .toUpperCase()
    .replace(/[\s\p{Cf}\p{Pd}]/gu, '')
    .replace(/O/g, '0')
    .replace(/[IL]/g, '1');
  return code.length === codeLength && [...code].every((character) => alphabet.includes(character))
    ? code
    : null;
}

/** Whoever makes codes, and the session that they do it in. */
type Enrolling = { userId: string; sessionId: string };

/**
 * Makes ten new codes that wait until one is typed back in this session, for an hour: whoever had the account open before cannot
 * leave its owner some that they know. Those that waited before are gone. The present ones go on counting.
 */
export async function startRecoveryCodes(tx: Tx, { userId, sessionId }: Enrolling, now: Date): Promise<void> {
  await tx
    .delete(recoveryCodeSets)
    .where(and(eq(recoveryCodeSets.userId, userId), isNull(recoveryCodeSets.confirmedAt)));
  const setId = newId();
  const codes = Array.from({ length: codesInSet }, newCode);
  const sealedCodes = seal(label, [userId, sessionId, ...codes].join(' '));
  await tx.insert(recoveryCodeSets).values({ id: setId, userId, sealedCodes, createdAt: now });
  await tx
    .insert(recoveryCodes)
    .values(codes.map((code) => ({ codeHash: hashCode(normalizeRecoveryCode(code)!), setId })));
}

/** The codes that wait to be typed back in this session, to be shown; null: none do. */
export async function readWaitingCodes(
  db: Db | Tx,
  { userId, sessionId }: Enrolling,
  now: Date,
): Promise<string[] | null> {
  const since = new Date(now.getTime() - waitingSeconds * 1000);
  const [set] = await db
    .select({ sealedCodes: recoveryCodeSets.sealedCodes })
    .from(recoveryCodeSets)
    .where(
      and(
        eq(recoveryCodeSets.userId, userId),
        isNull(recoveryCodeSets.confirmedAt),
        gt(recoveryCodeSets.createdAt, since),
      ),
    );
  const [owner, begunIn, ...codes] = (unseal(label, set?.sealedCodes ?? '') ?? '').split(' ');
  return owner === userId && begunIn === sessionId ? codes : null;
}

/**
 * Makes the codes that wait those that count, by one of them, which is not used up by it. From then on nobody can be shown them
 * again, and earlier ones count no more. False: the code is none of them.
 */
export async function confirmRecoveryCodes(
  tx: Tx,
  { code, ...enrolling }: Enrolling & { code: string },
  now: Date,
): Promise<boolean> {
  const { userId } = enrolling;
  if ((await readWaitingCodes(tx, enrolling, now)) === null) return false;
  const { rows } = await tx.execute<{ id: string }>(sql`
    select sets.id from recovery_code_sets sets
    join recovery_codes codes on codes.set_id = sets.id and codes.code_hash = ${hashCode(code)}
    where sets.user_id = ${userId} and sets.confirmed_at is null for update of sets`);
  const setId = rows[0]?.id;
  if (setId === undefined) return false;
  await tx
    .delete(recoveryCodeSets)
    .where(and(eq(recoveryCodeSets.userId, userId), ne(recoveryCodeSets.id, setId)));
  await tx
    .update(recoveryCodeSets)
    .set({ confirmedAt: now, change: thisChange, sealedCodes: null })
    .where(eq(recoveryCodeSets.id, setId));
  return true;
}

/** Uses a recovery code up; false: it is none of this person's, or used already, also at this very moment. */
export async function spendRecoveryCode(
  db: Db | Tx,
  { userId, code }: { userId: string; code: string },
  now: Date,
): Promise<boolean> {
  const { rows } = await db.execute(sql`
    update recovery_codes set used_at = ${timestamp(now)}
    from recovery_code_sets sets
    where recovery_codes.code_hash = ${hashCode(code)} and recovery_codes.used_at is null
      and sets.id = recovery_codes.set_id and sets.user_id = ${userId} and sets.confirmed_at is not null
    returning 1`);
  return rows.length > 0;
}

/** How many recovery codes a person has left; null: none were made, or none was typed back. */
export async function countRecoveryCodes(db: Db, userId: string): Promise<number | null> {
  const [row] = await db
    .select({ left: count(recoveryCodes.codeHash) })
    .from(recoveryCodeSets)
    .leftJoin(recoveryCodes, and(eq(recoveryCodes.setId, recoveryCodeSets.id), isNull(recoveryCodes.usedAt)))
    .where(and(eq(recoveryCodeSets.userId, userId), isNotNull(recoveryCodeSets.confirmedAt)))
    .groupBy(recoveryCodeSets.id);
  return row?.left ?? null;
}

/** Takes recovery codes off a person: all, or those that count since the change `since` or wait. */
export async function removeRecoveryCodes(
  tx: Tx,
  userId: string,
  since: number | null = null,
): Promise<void> {
  const isNewer =
    since === null
      ? undefined
      : or(isNull(recoveryCodeSets.confirmedAt), gte(recoveryCodeSets.change, since));
  await tx.delete(recoveryCodeSets).where(and(eq(recoveryCodeSets.userId, userId), isNewer));
}

function hashCode(code: string): Buffer {
  return hashToken(code);
}
