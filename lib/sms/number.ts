import { eq, sql } from 'drizzle-orm';
import { phoneNumbers } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { distinctInstant, limits, readWindows } from '@/lib/limits';

export type NumberRow = typeof phoneNumbers.$inferSelect;

/** Which of a number's budgets a text spends; neither spends the other's. */
export type SendClass = 'prove' | 'sign_in';

/** A carrier's word that a number cannot be texted is believed for a day. */
const undeliverableForMs = 24 * 3600 * 1000;

/**
 * Locks a number's row, made on first use, and reads it as it stands after the lock was given: whatever else is
 * decided about this number happens before or after the transaction, never beside it.
 */
export async function lockNumber(tx: Tx, phone: string): Promise<NumberRow> {
  const [row] = await tx
    .insert(phoneNumbers)
    .values({ number: phone })
    .onConflictDoUpdate({ target: phoneNumbers.number, set: { number: phone } })
    .returning();
  return row!;
}

/** Locks several numbers, always in the same order, so that two transactions cannot wait for each other. */
export async function lockNumbers(
  tx: Tx,
  phones: readonly (string | null)[],
): Promise<Map<string, NumberRow>> {
  const rows = new Map<string, NumberRow>();
  const distinct = new Set(phones.filter((phone) => phone !== null));
  for (const phone of [...distinct].sort()) rows.set(phone, await lockNumber(tx, phone));
  return rows;
}

/** A number as it stands, without a lock: to show, or to ask a gate. Null: never heard of. */
export async function readNumber(db: Db | Tx, phone: string): Promise<NumberRow | null> {
  const [row] = await db.select().from(phoneNumbers).where(eq(phoneNumbers.number, phone));
  return row ?? null;
}

/** How many more codes may go to this number, and when the next may (null: now). */
export function readSends(
  number: NumberRow | null,
  sendClass: SendClass,
  now: Date,
): { remaining: number; retryAt: Date | null } {
  const { hits, rules } = sendsOf(number, sendClass);
  const { remaining, retryAt } = readWindows(hits, rules, now);
  return { remaining, retryAt };
}

/** How many more wrong codes this number bears, and when the next is heard (null: now). */
export function readFailures(
  number: NumberRow | null,
  now: Date,
): { remaining: number; retryAt: Date | null } {
  const { remaining, retryAt } = readWindows(number?.failures ?? [], limits.failuresPerNumber, now);
  return { remaining, retryAt };
}

/** Whether a carrier lately said that this number cannot be texted, and until when that is believed. */
export function readUndeliverable(number: NumberRow | null, now: Date): { until: Date } | null {
  if (!number?.undeliverableAt) return null;
  const until = new Date(number.undeliverableAt.getTime() + undeliverableForMs);
  return until > now ? { until } : null;
}

/**
 * Counts one send against the locked number's budget. Out: the instant it was counted at, to give back if the text is
 * never accepted; or a refusal with the moment the next is allowed.
 */
export async function takeSend(
  tx: Tx,
  number: NumberRow,
  sendClass: SendClass,
  now: Date,
): Promise<{ ok: true; countedAt: Date } | { ok: false; retryAt: Date }> {
  const { hits, rules, column } = sendsOf(number, sendClass);
  const window = readWindows(hits, rules, now);
  if (window.retryAt !== null) return { ok: false, retryAt: window.retryAt };
  const countedAt = distinctInstant(hits, now);
  await tx
    .update(phoneNumbers)
    .set({ [column]: [...window.kept, countedAt] })
    .where(eq(phoneNumbers.number, number.number));
  return { ok: true, countedAt };
}

/** Gives a send back: the provider never accepted the text. */
export async function giveBackSend(
  tx: Tx,
  { phone, sendClass = 'prove', countedAt }: { phone: string; sendClass?: SendClass; countedAt: Date },
): Promise<void> {
  const { column } = sendsOf(null, sendClass);
  await tx
    .update(phoneNumbers)
    .set({ [column]: sql`array_remove(${phoneNumbers[column]}, ${countedAt.toISOString()}::timestamptz)` })
    .where(eq(phoneNumbers.number, phone));
}

/** The carrier says the number cannot be texted (landline, unknown, unreachable). */
export async function markUndeliverable(tx: Tx, { phone, now }: { phone: string; now: Date }): Promise<void> {
  await tx.update(phoneNumbers).set({ undeliverableAt: now }).where(eq(phoneNumbers.number, phone));
}

/** Marks a number as opted out, the first word standing. Part of `optOut` in opt-out.ts, which does all that follows. */
export async function markSuppressed(
  tx: Tx,
  { phone, by, now }: { phone: string; by: 'sms_stop' | 'carrier_stop'; now: Date },
): Promise<void> {
  await tx
    .insert(phoneNumbers)
    .values({ number: phone, suppressedAt: now, suppressedBy: by })
    .onConflictDoUpdate({
      target: phoneNumbers.number,
      set: {
        suppressedAt: sql`coalesce(${phoneNumbers.suppressedAt}, ${now.toISOString()}::timestamptz)`,
        suppressedBy: sql`coalesce(${phoneNumbers.suppressedBy}, ${by})`,
      },
    });
}

/** Lifts the opt-out (START): the carrier lets texts through again; it creates no consent. */
export async function liftSuppression(tx: Tx, phone: string): Promise<void> {
  await tx
    .update(phoneNumbers)
    .set({ suppressedAt: null, suppressedBy: null })
    .where(eq(phoneNumbers.number, phone));
}

/** Ends this person's hold on a number, if they have it. */
export async function releaseNumber(tx: Tx, phone: string, userId: string): Promise<void> {
  await tx
    .update(phoneNumbers)
    .set({ holderUserId: null, heldSince: null })
    .where(sql`${phoneNumbers.number} = ${phone} and ${phoneNumbers.holderUserId} = ${userId}`);
}

/** The numbers that this person has proven to be theirs. */
export async function findHeldNumbers(db: Db | Tx, userId: string): Promise<string[]> {
  const rows = await db
    .select({ number: phoneNumbers.number })
    .from(phoneNumbers)
    .where(eq(phoneNumbers.holderUserId, userId));
  return rows.map((row) => row.number);
}

function sendsOf(number: NumberRow | null, sendClass: SendClass) {
  return sendClass === 'prove'
    ? ({ hits: number?.proveSends ?? [], rules: limits.proveSends, column: 'proveSends' } as const)
    : ({ hits: number?.signInSends ?? [], rules: limits.signInSends, column: 'signInSends' } as const);
}
