import { eq, sql, type SQL } from 'drizzle-orm';
import type { SenderRole, StopMedium } from '@/db/schema/consent';
import { phoneNumbers, type SendClass } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { limits } from '@/lib/rate-limits/limits';
import { distinctInstant, readWindows } from '@/lib/rate-limits/sliding-window';
import { countsUntil } from '@/lib/stored-moment';
import { addAct, withoutSend, type Stranger } from './subjects';

export type NumberRow = typeof phoneNumbers.$inferSelect;

/** Where the sends and the failures of each class are counted. */
const counters = {
  prove: { sends: 'proveSends', failures: 'proveFailures' },
  prove_again: { sends: 'proveAgainSends', failures: 'proveAgainFailures' },
  sign_in: { sends: 'signInSends', failures: 'signInFailures' },
  recover: { sends: 'recoverSends', failures: 'recoverFailures' },
} as const satisfies Record<SendClass, Record<'sends' | 'failures', keyof NumberRow>>;

/** A carrier's word that a number cannot be texted is believed for a day. */
const undeliverableForMs = 24 * 3600 * 1000;

/**
 * Locks a number's row, made on first use, and reads it as it is after the lock was given: whatever else is
 * decided about this number happens before or after the transaction, never beside it.
 */
export async function lockNumber(tx: Tx, phone: string): Promise<NumberRow> {
  const [known] = await tx
    .select()
    .from(phoneNumbers)
    .where(eq(phoneNumbers.number, phone))
    .for('no key update');
  if (known) return known;
  const [made] = await tx.insert(phoneNumbers).values({ number: phone }).onConflictDoNothing().returning();
  // Where others made it meanwhile, it is there to be locked now.
  return made ?? lockNumber(tx, phone);
}

/** Locks one of the numbers that a statement lists, and that nobody holds; null: there is none. */
export async function lockFreeNumber(tx: Tx, phones: SQL): Promise<string | null> {
  const [free] = await tx
    .select({ number: phoneNumbers.number })
    .from(phoneNumbers)
    // As an array, so that they are found by the key, however many numbers there are.
    .where(sql`${phoneNumbers.number} = any(array${phones})`)
    .limit(1)
    .for('no key update', { skipLocked: true });
  return free?.number ?? null;
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

/** A number as it is now, without a lock: to show, or to ask the send policy. Null: never heard of. */
export async function readNumber(db: Db | Tx, phone: string): Promise<NumberRow | null> {
  const [row] = await db.select().from(phoneNumbers).where(eq(phoneNumbers.number, phone));
  return row ?? null;
}

/** The number of an account, where it holds it, and since when; null: it has none, or does not hold it. */
export async function readHeldNumber(
  db: Db | Tx,
  { id: userId, phone }: { id: string; phone: string | null },
): Promise<{ phone: string; since: Date } | null> {
  const number = phone === null ? null : await readNumber(db, phone);
  if (number?.holderUserId !== userId || number.heldSince === null) return null;
  return { phone: number.number, since: number.heldSince };
}

/** The class of a code that proves a number: its holder's own, or a stranger's. */
export function findSendClass(
  number: Pick<NumberRow, 'holderUserId'> | null,
  userId: string,
): Extract<SendClass, 'prove' | 'prove_again'> {
  return number?.holderUserId === userId ? 'prove_again' : 'prove';
}

/** How many more codes of a class may go to this number, and when the next may (null: now). */
export function readSends(
  number: NumberRow | null,
  sendClass: SendClass,
  now: Date,
): { remaining: number; retryAt: Date | null } {
  const hits = number?.[counters[sendClass].sends] ?? [];
  const { remaining, retryAt } = readWindows(hits, limits.sendsPerNumber, now);
  return { remaining, retryAt };
}

/** How many more wrong codes of a class this number bears, and when the next is heard (null: now). */
export function readFailures(
  number: NumberRow | null,
  sendClass: SendClass,
  now: Date,
): { remaining: number; retryAt: Date | null } {
  const hits = number?.[counters[sendClass].failures] ?? [];
  const { remaining, retryAt } = readWindows(hits, limits.failuresPerNumber, now);
  return { remaining, retryAt };
}

/** Whether a carrier lately said that this number cannot be texted, and until when that is believed. */
export function readUndeliverable(number: NumberRow | null, now: Date): { until: Date } | null {
  const until = countsUntil(number?.undeliverableAt ?? null, undeliverableForMs, now);
  return until && { until };
}

/**
 * What the locked number's row has to hold after one more wrong code of a class: the column that counts it, with its new
 * value, and what strangers did. `stranger` null: the class is not `prove`.
 */
export function addFailure(
  number: NumberRow,
  sendClass: SendClass,
  stranger: Stranger | null,
  now: Date,
): { column: string; failures: Date[]; strangerActs: NumberRow['strangerActs'] } {
  const field = counters[sendClass].failures;
  return {
    column: phoneNumbers[field].name,
    failures: [...readWindows(number[field], limits.failuresPerNumber, now).kept, now],
    strangerActs: stranger
      ? addAct(number, { act: 'failure', atMs: now.getTime(), ...stranger })
      : number.strangerActs,
  };
}

/**
 * Counts one send of a class against the locked number's limit; in the class `prove` with the stranger who wants it.
 * Out: the instant it was counted at, which stops counting if the text is never accepted; or a refusal that says when the
 * next one is allowed.
 */
export async function takeSend(
  tx: Tx,
  number: NumberRow,
  sendClass: SendClass,
  now: Date,
  stranger: Stranger | null = null,
): Promise<{ ok: true; countedAt: Date } | { ok: false; retryAt: Date }> {
  const field = counters[sendClass].sends;
  const hits = number[field];
  const window = readWindows(hits, limits.sendsPerNumber, now);
  if (window.retryAt !== null) return { ok: false, retryAt: window.retryAt };
  const countedAt = distinctInstant(hits, now);
  await tx
    .update(phoneNumbers)
    .set({
      [field]: [...window.kept, countedAt],
      ...(stranger && {
        strangerActs: addAct(number, { act: 'send', atMs: countedAt.getTime(), ...stranger }),
      }),
    })
    .where(eq(phoneNumbers.number, number.number));
  return { ok: true, countedAt };
}

/**
 * Gives a send back in the class it was counted in (null: `prove`): the provider never accepted the text. Nothing was counted at a
 * moment that does not exist, or in a class that is none, as a broken row may say.
 */
export async function refundSend(
  tx: Tx,
  { phone, sendClass, countedAt }: { phone: string; sendClass: SendClass | null; countedAt: Date },
): Promise<void> {
  const countedIn = sendClass ?? 'prove';
  if (Number.isNaN(countedAt.getTime()) || !Object.hasOwn(counters, countedIn)) return;
  const field = counters[countedIn].sends;
  await tx
    .update(phoneNumbers)
    .set({
      [field]: sql`array_remove(${phoneNumbers[field]}, ${timestamp(countedAt)})`,
      ...(countedIn === 'prove' && { strangerActs: withoutSend(countedAt) }),
    })
    .where(eq(phoneNumbers.number, phone));
}

/** The carrier says the number cannot be texted (landline, unknown, unreachable), by a text that failed at that moment. */
export async function markUndeliverable(tx: Tx, { phone, at }: { phone: string; at: Date }): Promise<void> {
  await tx.update(phoneNumbers).set({ undeliverableAt: at }).where(eq(phoneNumbers.number, phone));
}

/** A carrier delivered a text to it after all. */
export async function markDeliverable(tx: Tx, phone: string): Promise<void> {
  await tx.update(phoneNumbers).set({ undeliverableAt: null }).where(eq(phoneNumbers.number, phone));
}

/** All that there may be, however many are set up. */
export const everySender = ['updates', 'codes'] as const satisfies readonly SenderRole[];

/** Which of our senders a number has opted out of. A row that does not say which is about all of them. */
export function suppressedSenders(
  number: Pick<NumberRow, 'suppressedAt' | 'suppressedSenders'> | null,
): readonly SenderRole[] {
  if (!number?.suppressedAt) return [];
  return number.suppressedSenders ?? everySender;
}

/**
 * Which of our senders a number stays opted out of after a START at `saidTo`, beside which there is another: the other one, where a
 * STOP was said to it.
 */
export function stillSuppressed(number: NumberRow, saidTo: SenderRole): SenderRole[] {
  const said = number.stopSaidTo ?? ['updates'];
  return suppressedSenders(number).filter((sender) => sender !== saidTo && said.includes(sender));
}

/**
 * Marks a number as opted out of `senders`, by a STOP that was said to one of ours or in another way (`saidTo` null); the first word
 * counts. Part of `optOut` in opt-out.ts, which does all that follows.
 */
export async function markSuppressed(
  tx: Tx,
  {
    phone,
    by,
    now,
    senders = everySender,
    saidTo = null,
  }: {
    phone: string;
    by: StopMedium;
    now: Date;
    senders?: readonly SenderRole[];
    saidTo?: SenderRole | null;
  },
): Promise<void> {
  const suppressed = [...senders].sort();
  const said = saidTo === null ? [] : [saidTo];
  const begun = Object.fromEntries(suppressed.map((sender) => [sender, { at: now.toISOString(), by }]));
  const {
    suppressedAt,
    suppressedBy,
    suppressedSenders: known,
    suppressedLater: later,
    stopSaidTo,
  } = phoneNumbers;
  const added = (to: SQL, these: SenderRole[]) => sql`case when ${suppressedAt} is null
    then ${sql.param(these)}::text[] else array(select distinct unnest(${to} || ${sql.param(these)}::text[]) order by 1) end`;
  await tx
    .insert(phoneNumbers)
    .values({
      number: phone,
      suppressedAt: now,
      suppressedBy: by,
      suppressedSenders: suppressed,
      stopSaidTo: said,
    })
    .onConflictDoUpdate({
      target: phoneNumbers.number,
      set: {
        suppressedAt: sql`coalesce(${suppressedAt}, ${timestamp(now)})`,
        suppressedBy: sql`coalesce(${suppressedBy}, ${by})`,
        suppressedSenders: added(sql`coalesce(${known}, ${sql.param([...everySender])}::text[])`, suppressed),
        suppressedLater: sql`case when ${suppressedAt} is not null then nullif(coalesce(${later}, '{}')
          || (${JSON.stringify(begun)}::jsonb - coalesce(${known}, ${sql.param([...everySender])}::text[])), '{}') end`,
        stopSaidTo: added(sql`coalesce(${stopSaidTo}, array['updates'])`, said),
      },
    });
}

/**
 * Lifts the opt-out (START) but for the senders that `stay`: the carrier lets texts through again; it creates no consent.
 */
export async function liftSuppression(
  tx: Tx,
  phone: string,
  stay: readonly SenderRole[] = [],
): Promise<void> {
  const lifted = everySender.filter((sender) => !stay.includes(sender));
  const later = sql`nullif(${phoneNumbers.suppressedLater} - ${sql.param(lifted)}::text[], '{}')`;
  const none = { suppressedAt: null, suppressedBy: null, suppressedSenders: null, suppressedLater: null };
  await tx
    .update(phoneNumbers)
    .set(
      stay.length > 0
        ? { suppressedSenders: [...stay], suppressedLater: later, stopSaidTo: [...stay] }
        : { ...none, stopSaidTo: null },
    )
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
