import { and, desc, eq, gte, inArray, isNull, lt, or, sql, type SQL } from 'drizzle-orm';
import {
  smsOptOuts,
  type ConsentScope,
  type OptOutChannel,
  type OptOutRecorder,
  type SenderRole,
} from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** How an opt-out reaches someone of the operator's people, who records it. */
export type ToldChannel = Extract<OptOutChannel, 'phone' | 'letter' | 'other'>;

/** How an opt-out, or its lifting, reached us: what a row of the ledger keeps as evidence. */
export type OptOutEvidence = (
  { recordedBy: Exclude<OptOutRecorder, 'staff'> } | { recordedBy: 'staff'; channel: ToldChannel }
) & {
  /** Our number or service that it was said to, or that the carrier blocks; null: said on a page. */
  sender: string | null;
  /** What the person wrote, codes hidden, or what was noted of it; null: nothing was written. */
  words: string | null;
  /** The provider's id of that text, or of the one of ours that was refused. */
  providerSid: string | null;
};

/** The text in which something was said, or which was refused: to which of our senders, in which words, with which SID. */
export type Said = Omit<OptOutEvidence, 'recordedBy' | 'channel'>;

const channels: Record<Exclude<OptOutRecorder, 'staff'>, OptOutChannel> = {
  inbound_webhook: 'text',
  inbound_list: 'text',
  status_report: 'carrier',
  person: 'web',
};

const longestWords = 1_600;

/** What was said is looked for in so many of a number's last entries. */
const lastEntries = 100;

/**
 * Entries of one number in any 24 hours, by text. Each is kept for good, and a number can be forged: from then on one that says
 * nothing new is not written, and START takes no STOP back (`hasTextedMuch`). A STOP after a START about one of its senders always is.
 */
const mostByTextADay = 20;

/** Whether a number has texted so many STOPs and STARTs in the 24 hours before `at` that a START changes nothing any more. */
export async function hasTextedMuch(tx: Tx, phone: string, at: Date): Promise<boolean> {
  const { rows } = await tx.execute(sql`select where ${textedMuch(phone, at)}`);
  return rows.length > 0;
}

function textedMuch(phone: string, at: Date): SQL {
  return sql`(
    select count(*) from (
      select channel from sms_opt_outs
      where phone = ${phone} and at > ${timestamp(at)} - interval '1 day'
      order by phone, at desc, id desc limit ${mostByTextADay}
    ) latest where channel = 'text'
  ) >= ${mostByTextADay}`;
}

/**
 * Appends to the ledger of opt-outs that texts to a number are not wanted any more, or again. Every time it is said, also when
 * it was said before, and whether or not anyone ever consented at that number; but a text once, however often it is handed
 * over, and where a number has texted `mostByTextADay` times within a day, only what is new: not what an entry says already that was
 * said to the same sender, is about as much, and whose contrary nobody has said since about any of its senders. STOPs to two senders in
 * turn add two entries, then, and no more. The text itself is kept with its words in the record of texts. The number is locked.
 * What someone of the operator's people is told is written once a day for each number, cover and channel, as long as it is in force:
 * whoever records it again finds it done.
 *
 * An opt-out is what someone says who wants no more texts: STOP in any words, the carrier's word for it (error 21610), texts
 * turned off on a page, a call or a letter. What takes it back is START, or the box ticked again by whoever turned them off. None are the other ends
 * of a consent, which the ledger of consents tells: a number that is removed, replaced, proven by someone else or released by an
 * admin, an account that ends. They say whose number it is, and nothing about texts to it.
 *
 * @param covers which consents it is about
 * @param senders which of our senders it blocks or lets through again; null: as `covers` says
 * @param saidTo which of our senders it was said to; null: none
 * @param at when it was said
 * @param recordedAt now, where that is later
 * @returns whether it was written
 */
export async function recordOptOut(
  tx: Tx,
  {
    phone,
    act,
    covers,
    senders = null,
    saidTo = null,
    evidence,
    userId = null,
    at,
    recordedAt = null,
  }: {
    phone: string;
    act: 'opted_out' | 'lifted';
    covers: readonly ConsentScope[];
    senders?: readonly SenderRole[] | null;
    saidTo?: SenderRole | null;
    evidence: OptOutEvidence;
    userId?: string | null;
    at: Date;
    recordedAt?: Date | null;
  },
): Promise<boolean> {
  const { recordedBy, sender, providerSid } = evidence;
  const channel = evidence.recordedBy === 'staff' ? evidence.channel : channels[evidence.recordedBy];
  const words = evidence.words?.slice(0, longestWords) ?? null;
  const scopes = sql.param([...covers]);
  const about = sql`${senders === null ? null : sql.param([...senders])}::text[]`;
  const { rowCount } = await tx.execute(sql`
    with recent as (
      select id, at, act, covers, said_to, channel, recorded_by, ${sendersOfEntry(sql`o`)} as about from sms_opt_outs o
      where phone = ${phone} order by at desc, id desc limit ${lastEntries}
    )
    insert into sms_opt_outs
      (at, recorded_at, phone, act, channel, covers, senders, said_to, sender, words, provider_sid, user_id, recorded_by)
    select ${timestamp(at)}, ${recordedAt?.toISOString() ?? null}::timestamptz, ${phone}, ${act},
      ${channel}, ${scopes}::text[], ${about}, ${saidTo}, ${sender}, ${words}, ${providerSid}, ${userId}::uuid, ${recordedBy}
    where not exists (
      select from sms_opt_outs where phone = ${phone} and act = ${act} and provider_sid = ${providerSid}
    ) and not (${channel === 'text'} and ${textedMuch(phone, at)} and exists (
      select from recent said where said.act = ${act} and said.said_to is not distinct from ${saidTo}
        and said.about @> ${about} and said.covers @> ${scopes}::text[]
        and not exists (
          select from recent since where since.act <> ${act} and since.about && ${about} and (since.at, since.id) > (said.at, said.id))
    )) and not (${recordedBy === 'staff'} and exists (
      select from recent told where told.act = ${act} and told.recorded_by = 'staff' and told.channel = ${channel}
        and told.at > ${timestamp(at)} - interval '1 day' and told.about @> ${about} and told.covers @> ${scopes}::text[]
        and not exists (
          select from recent since where since.act <> ${act} and (since.about && told.about or since.covers && told.covers)
            and (since.at, since.id) > (told.at, told.id))
    ))`);
  return rowCount === 1;
}

/**
 * Which of our senders a row of the ledger blocks or lets through again, as an expression. One that does not say it is about all of
 * them, or was said on a page.
 */
export function sendersOfEntry(row: SQL): SQL {
  return sql`coalesce(${row}.senders,
    case when 'verification' = any(${row}.covers) then array['updates', 'codes'] else '{}' end)`;
}

/** Records that a number has texted STOP or START; `saidAt` not null: it was found late. */
export async function recordTextedOptOut(
  tx: Tx,
  {
    phone,
    act,
    senders,
    scopes,
    saidTo,
    said,
    saidAt,
    now,
  }: {
    phone: string;
    act: 'opted_out' | 'lifted';
    senders: readonly SenderRole[];
    scopes: readonly ConsentScope[];
    saidTo: SenderRole | null;
    said: Said;
    saidAt: Date | null;
    now: Date;
  },
): Promise<void> {
  const recordedBy = saidAt === null ? 'inbound_webhook' : 'inbound_list';
  const when = saidAt === null ? { at: now } : { at: saidAt, recordedAt: now };
  await recordOptOut(tx, {
    phone,
    act,
    covers: scopes,
    senders,
    saidTo,
    evidence: { recordedBy, ...said },
    ...when,
  });
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

/** Whether an opt-out of a number is written down already that the carrier reported of one text. */
export async function isOptOutOf(tx: Tx, phone: string, providerSid: string): Promise<boolean> {
  const found = await tx
    .select({ id: smsOptOuts.id })
    .from(smsOptOuts)
    .where(
      and(
        eq(smsOptOuts.phone, phone),
        eq(smsOptOuts.act, 'opted_out'),
        eq(smsOptOuts.providerSid, providerSid),
      ),
    )
    .limit(1);
  return found.length > 0;
}

/** Whether a number has lifted an opt-out of these senders after a moment, by START. */
export async function hasLiftedSince(
  tx: Tx,
  { phone, senders, since }: { phone: string; senders: readonly SenderRole[]; since: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from sms_opt_outs last where phone = ${phone} and act = 'lifted' and at > ${timestamp(since)}
      and ${sendersOfEntry(sql`last`)} @> ${sql.param([...senders])}::text[] limit 1`);
  return rows.length > 0;
}

/** Whether someone has asked after a moment, in any way, that one of these senders text a number no more. */
export async function hasOptedOutSince(
  tx: Tx,
  { phone, senders, since }: { phone: string; senders: readonly SenderRole[]; since: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from sms_opt_outs said where phone = ${phone} and act = 'opted_out' and at > ${timestamp(since)}
      and ${sendersOfEntry(sql`said`)} && ${sql.param([...senders])}::text[] limit 1`);
  return rows.length > 0;
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
  const { id, at, recordedAt, phone, act, channel, covers, senders, saidTo, sender, words, providerSid } =
    smsOptOuts;
  return db
    .select({ id, at, recordedAt, phone, act, channel, covers, senders, saidTo, sender, words, providerSid })
    .from(smsOptOuts)
    .where(and(theirs, before === null ? undefined : lt(id, before)))
    .orderBy(desc(id))
    .limit(limit);
}

/** What was said about texts to this number, whoever said it, the last first, `limit` at most. */
export async function listOptOutsAt(db: Db, phone: string, limit: number): Promise<OptOutEntry[]> {
  const { id, at, recordedAt, act, channel, covers, senders, saidTo, sender, words, providerSid } =
    smsOptOuts;
  return db
    .select({
      ...{ id, at, recordedAt, phone: smsOptOuts.phone, act, channel, covers },
      ...{ senders, saidTo, sender, words, providerSid },
    })
    .from(smsOptOuts)
    .where(eq(smsOptOuts.phone, phone))
    .orderBy(desc(at), desc(id))
    .limit(limit);
}

/** The number of ours that each sender's last STOP of a number was sent to, for the START that takes it back. */
export async function readStopNumbers(db: Db | Tx, phone: string): Promise<ReadonlyMap<SenderRole, string>> {
  const { rows } = await db.execute<{ said_to: SenderRole; sender: string }>(sql`
    select distinct on (1) coalesce(said_to, 'updates') as said_to, sender
    from (select * from sms_opt_outs where phone = ${phone} order by at desc, id desc limit ${lastEntries}) last
    where act = 'opted_out' and sender like '+%' order by 1, at desc, id desc`);
  return new Map(rows.map((row) => [row.said_to, row.sender]));
}
