import { inArray, sql } from 'drizzle-orm';
import { smsMessages } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import { believedAheadMs } from '@/lib/stored-moment';
import { receiveText, type TakeAnswer } from './receive-text';
import { type FoundLate } from './found-late';
import type { AskFault, ListedText, Provider } from '@/lib/sms/provider/provider';
import { runProviderRounds, type RoundWork } from '@/lib/sms/provider/provider-rounds';
import type { SenderRole } from '@/db/schema/consent';
import { env } from '@/lib/env';
import { sendersOf } from '@/lib/sms/senders/sender';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** What is younger may still be on its way by the webhook, which answers it, too. */
const settledAfterMs = 3 * minuteMs;

/** Each read goes back over so much of the one before, in case the provider listed something late. */
const overlapMs = hourMs;

/** So far back goes the first read of a sender. */
const firstReachMs = 7 * 24 * hourMs;

/** A text that cannot be taken in is tried again for so long. */
const patienceMs = 2 * 24 * hourMs;

/** Who reads is given up after this. */
const leaseMs = 10 * minuteMs;

/** Small enough that a page of the longest texts is no answer that is too long. */
const pageSize = 50;

/** One read takes in so many pages beyond the first of each number; where there are more, it ends earlier in time. */
const mostPages = 20;

type Work = RoundWork & { takeAnswer?: TakeAnswer };

/**
 * Reads, each hour, at the start and three minutes after that, which texts have come in by the provider's own list, and has
 * those obeyed that the webhook never got: wrong settings, a broken proxy or an outage of ours lose no STOP for good. Each of our
 * senders has a list of its own. Of several processes one reads it.
 *
 * `stop()` begins no further text and resolves when the one under way is kept.
 */
export function runMissedTexts(
  options: { log?: (line: string) => void; everyMs?: number; takeAnswer?: TakeAnswer } = {},
): { stop(): Promise<void> } {
  const readers = sendersOf(env()).map((role) => runReads(role, options));
  return {
    stop: async () => {
      await Promise.all(readers.map((reader) => reader.stop()));
    },
  };
}

function runReads(role: SenderRole, options: Parameters<typeof runMissedTexts>[0] & object) {
  let isStart = true;
  return runProviderRounds(
    async (work, signal) => {
      const { takeAnswer } = options;
      const read = await readMissedTexts({ ...work, takeAnswer }, { now: databaseNow(), isStart, signal });
      if (read !== 'unanswered') isStart = false;
    },
    {
      role,
      everyMs: options.everyMs ?? minuteMs,
      onFault: (error, log) => log.warn('sms_inbound_read_failed', { error }),
      write: options.log,
    },
  );
}

/**
 * One read, if it is time for it (or `isStart`) and nobody else is at it. Texts that we do not have are obeyed in the order they
 * were sent, each once, whoever else may find them (their SID is unique). How far was read is kept, so that after a restored
 * backup everything since is read again. What was missed is one alert, but not what a first read finds: that came before us.
 *
 * A list that is not answered, to its last page, changes nothing, and is asked for again at the next start or within ten minutes.
 */
export async function readMissedTexts(
  { db, provider, log, takeAnswer }: Work,
  { now, isStart = false, signal }: { now: Date; isStart?: boolean; signal?: AbortSignal },
): Promise<'not_due' | 'read' | 'unanswered'> {
  if (provider.name === 'console') return 'not_due';
  const ticket = new Date(now.getTime() + leaseMs);
  const begun = await beginRead(db, provider.sender, { now, isStart, ticket });
  if (begun === null) return 'not_due';
  const settled = new Date(now.getTime() - settledAfterMs);
  const listed = await listSince(provider, begun.readUntil, { settled, signal });
  if (!listed.ok) {
    log.warn('sms_inbound_list_unanswered', { fault: listed.fault, since: begun.readUntil });
    return 'unanswered';
  }
  const { taken, failedAt } = await takeIn({ db, provider, log, takeAnswer }, listed.texts, { now, signal });
  if (taken > 0) {
    const facts = { count: taken, since: begun.readUntil };
    if (begun.isFirst) log.warn('sms_inbound_missed', facts);
    else log.error('sms_alert', { alert: 'inbound_missed', ...facts });
  }
  if (signal?.aborted) return 'read';
  // What failed is read again, as long as that is worth it; the end of what was read never goes back.
  const heldAt = failedAt && new Date(Math.max(failedAt.getTime(), now.getTime() - patienceMs));
  const readUntil = heldAt !== null && heldAt < listed.until ? heldAt : listed.until;
  const isBehind = listed.until < settled;
  // What came just before a start was left to a webhook that was down, perhaps.
  const pauseMs = isStart ? settledAfterMs : hourMs;
  await endRead(db, provider.sender, {
    ticket,
    readUntil: readUntil > begun.readUntil ? readUntil : begun.readUntil,
    nextAt: isBehind ? now : new Date(now.getTime() + pauseMs),
  });
  return 'read';
}

/** What is said to be read up to a moment that has not come, or never comes, counts as never read; nor is a read due any later. */
async function beginRead(
  db: Db,
  sender: string,
  { now, isStart, ticket }: { now: Date; isStart: boolean; ticket: Date },
): Promise<{ readUntil: Date; isFirst: boolean } | null> {
  const at = timestamp(now);
  const furthest = timestamp(new Date(now.getTime() + hourMs + believedAheadMs));
  const { rows } = await db.execute<{ read_ms: number; is_first: boolean }>(sql`
    insert into sms_inbound_reads as known (sender, read_until, next_at)
    values (${sender}, ${timestamp(new Date(now.getTime() - firstReachMs))}, ${timestamp(ticket)})
    on conflict (sender) do update set next_at = excluded.next_at,
      read_until = case when isfinite(known.read_until) and known.read_until <= ${at}
        then known.read_until else excluded.read_until end
    where ${isStart} or known.next_at <= ${at} or known.next_at > ${furthest}
    returning (extract(epoch from read_until) * 1000)::float8 as read_ms, xmax = 0 as is_first`);
  const row = rows[0];
  return row ? { readUntil: new Date(row.read_ms), isFirst: row.is_first } : null;
}

/** Zero rows: another process has begun again meanwhile, and will end it. */
async function endRead(
  db: Db,
  sender: string,
  { ticket, readUntil, nextAt }: { ticket: Date; readUntil: Date; nextAt: Date },
): Promise<void> {
  await db.execute(sql`
    update sms_inbound_reads set read_until = ${timestamp(readUntil)}, next_at = ${timestamp(nextAt)}
    where sender = ${sender} and next_at = ${timestamp(ticket)}`);
}

type Listed = { ok: true; texts: ListedText[]; until: Date };

/**
 * What has come in since a moment and some time before it, the oldest first; where that is too much, up to an earlier moment
 * than `settled`, but always to a later one than `since`.
 */
async function listSince(
  provider: Provider,
  since: Date,
  { settled, signal }: { settled: Date; signal?: AbortSignal },
): Promise<Listed | AskFault> {
  const inboxes = await provider.listInboxes();
  if (!inboxes.ok) return inboxes;
  let from = new Date(since.getTime() - overlapMs);
  let until = settled;
  for (;;) {
    const listed = await listPages(provider, inboxes.numbers, { since: from, until, signal });
    if (!listed.ok) return listed;
    const halfMs = Math.floor((until.getTime() - from.getTime()) / 2);
    if (!listed.isCut || halfMs < 1000) {
      // The list is newest first, and a STOP may share its second with the START before it.
      const texts = listed.texts.reverse().sort((a, b) => sentMs(a) - sentMs(b));
      return { ok: true, texts, until };
    }
    until = new Date(from.getTime() + halfMs);
    // The time before is too much already: without it, or no read would ever get on.
    if (from < since && until <= since) {
      from = since;
      until = settled;
    }
  }
}

async function listPages(
  provider: Provider,
  numbers: readonly string[],
  { signal, ...range }: { since: Date; until: Date; signal?: AbortSignal },
): Promise<{ ok: true; texts: ListedText[]; isCut: boolean } | AskFault> {
  const texts: ListedText[] = [];
  let furtherPages = 0;
  for (const number of numbers) {
    let page: string | null = null;
    do {
      if (signal?.aborted) return { ok: false, fault: 'stopped' };
      if (page !== null && (furtherPages += 1) > mostPages) return { ok: true, texts, isCut: true };
      const listed = await provider.listTexts({ direction: 'in', number, ...range, pageSize, page });
      if (!listed.ok) return listed;
      texts.push(...listed.texts);
      page = listed.nextPage;
    } while (page !== null);
  }
  return { ok: true, texts, isCut: false };
}

async function findKnown(db: Db, texts: readonly ListedText[]): Promise<ReadonlySet<string>> {
  if (texts.length === 0) return new Set();
  const known = await db
    .select({ sid: smsMessages.providerSid })
    .from(smsMessages)
    .where(
      inArray(
        smsMessages.providerSid,
        texts.map(({ sid }) => sid),
      ),
    );
  return new Set(known.map(({ sid }) => sid!));
}

/** Has those obeyed that we do not have. Out: how many were kept, and when the first was sent that could not be. */
async function takeIn(
  { db, provider, log, takeAnswer }: Work,
  texts: readonly ListedText[],
  { now, signal }: { now: Date; signal?: AbortSignal },
): Promise<{ taken: number; failedAt: Date | null }> {
  const known = await findKnown(db, texts);
  let taken = 0;
  let failedAt: Date | null = null;
  // What a number wrote after a text that failed must not be obeyed before it.
  const waiting = new Set<string>();
  for (const { sid, from, to, body, sentAt } of texts) {
    if (signal?.aborted) break;
    if (sentAt === null || known.has(sid) || waiting.has(from)) continue;
    const text = { sid, from, to, messagingServiceSid: provider.sender, body, optOutType: null };
    const late = { sentAt, ...orderAround(texts, { sid, from }) };
    try {
      const context = { now, address: '', userAgent: null };
      const received = await receiveText(db, text, context, { late, takeAnswer });
      if (!received.ok) log.warn('sms_inbound_ignored', { sid, reason: received.reason });
      else if (!received.isDuplicate) {
        taken += 1;
        log.warn('sms_inbound_found', { sid, meaning: received.meaning, sentAt });
      }
    } catch (error) {
      log.error('sms_inbound_not_taken_in', { sid, error });
      waiting.add(from);
      failedAt ??= sentAt;
    }
  }
  return { taken, failedAt };
}

function orderAround(
  texts: readonly ListedText[],
  { sid, from }: Pick<ListedText, 'sid' | 'from'>,
): Pick<FoundLate, 'earlier' | 'later'> {
  const sids = texts.filter((text) => text.from === from).map((text) => text.sid);
  const place = sids.indexOf(sid);
  return { earlier: new Set(sids.slice(0, place)), later: new Set(sids.slice(place + 1)) };
}

function sentMs({ sentAt }: ListedText): number {
  return sentAt?.getTime() ?? 0;
}
