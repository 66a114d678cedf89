import { and, desc, eq, gte, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import { smsOptOuts, type ConsentScope, type OptOutChannel, type OptOutRecorder } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** How an opt-out, or its lifting, reached us: what a row of the ledger keeps as evidence. */
export type OptOutEvidence = {
  recordedBy: OptOutRecorder;
  /** Our number or service that it was said to, or that the carrier blocks; null: said on a page. */
  sender: string | null;
  /** What the person wrote, codes hidden; null: nothing was written. */
  words: string | null;
  /** The provider's id of that text, or of the one of ours that was refused. */
  providerSid: string | null;
};

const channels: Record<OptOutRecorder, OptOutChannel> = {
  inbound_webhook: 'text',
  inbound_list: 'text',
  status_report: 'carrier',
  person: 'web',
};

const longestWords = 1_600;

/**
 * Appends to the ledger of opt-outs that texts to a number are not wanted any more, or again. Every time it is said, also when
 * it was said before, and whether or not anyone ever consented at that number; but a text once, however often it is handed
 * over. The number is locked.
 *
 * An opt-out is what someone says who wants no more texts: STOP in any words, the carrier's word for it (error 21610), texts
 * turned off on a page. What takes it back is START, or the box ticked again by whoever turned them off. None are the other ends
 * of a consent, which the ledger of consents tells: a number that is removed, replaced, proven by someone else or released by an
 * admin, an account that ends. They say whose number it is, and nothing about texts to it.
 *
 * @param covers what is not wanted: both scopes, or updates alone
 * @param at when it was said
 * @param recordedAt now, where that is later
 */
export async function recordOptOut(
  tx: Tx,
  {
    phone,
    act,
    covers,
    evidence,
    userId = null,
    at,
    recordedAt = null,
  }: {
    phone: string;
    act: 'opted_out' | 'lifted';
    covers: readonly ConsentScope[];
    evidence: OptOutEvidence;
    userId?: string | null;
    at: Date;
    recordedAt?: Date | null;
  },
): Promise<void> {
  const { recordedBy, sender, providerSid } = evidence;
  const words = evidence.words?.slice(0, longestWords) ?? null;
  const scopes = sql.param([...covers]);
  await tx.execute(sql`
    insert into sms_opt_outs
      (at, recorded_at, phone, act, channel, covers, sender, words, provider_sid, user_id, recorded_by)
    select ${timestamp(at)}, ${recordedAt?.toISOString() ?? null}::timestamptz, ${phone}, ${act},
      ${channels[recordedBy]}, ${scopes}::text[], ${sender}, ${words}, ${providerSid}, ${userId}::uuid, ${recordedBy}
    where not exists (
      select from sms_opt_outs where phone = ${phone} and act = ${act} and provider_sid = ${providerSid}
    )`);
}

/** The last that was said about texts to this number, whenever it was recorded; null: nothing ever was. */
export async function readLastOptOut(
  db: Db | Tx,
  phone: string,
): Promise<Pick<typeof smsOptOuts.$inferSelect, 'at' | 'act' | 'channel' | 'words' | 'userId'> | null> {
  const { at, act, channel, words, userId } = smsOptOuts;
  const [row] = await db
    .select({ at, act, channel, words, userId })
    .from(smsOptOuts)
    .where(eq(smsOptOuts.phone, phone))
    .orderBy(desc(smsOptOuts.at), desc(smsOptOuts.id))
    .limit(1);
  return row ?? null;
}

/** An opt-out, or its lifting, as it is shown to the person whose number it is. */
export type OptOutEntry = Omit<typeof smsOptOuts.$inferSelect, 'userId' | 'recordedBy'>;

/**
 * What a person said about texts to them, the last recorded first, `limit` at most, below `before` (a row's id; null: from the
 * last): on a page, at any of `phones`; by text or by the carrier, at the number they hold, and only since they have held it,
 * since what came before was said by someone else.
 */
export async function listOptOuts(
  db: Db,
  {
    userId,
    phones,
    held,
  }: { userId: string; phones: readonly string[]; held: { phone: string; since: Date } | null },
  { limit, before }: { limit: number; before: number | null },
): Promise<OptOutEntry[]> {
  const theirs = or(
    and(inArray(smsOptOuts.phone, [...phones]), eq(smsOptOuts.userId, userId)),
    held === null
      ? undefined
      : and(eq(smsOptOuts.phone, held.phone), isNull(smsOptOuts.userId), gte(smsOptOuts.at, held.since)),
  );
  const { id, at, recordedAt, phone, act, channel, covers, sender, words, providerSid } = smsOptOuts;
  return db
    .select({ id, at, recordedAt, phone, act, channel, covers, sender, words, providerSid })
    .from(smsOptOuts)
    .where(and(theirs, before === null ? undefined : lt(id, before)))
    .orderBy(desc(id))
    .limit(limit);
}
