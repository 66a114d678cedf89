import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import { env as readEnv } from '@/lib/env';
import { believedAheadMs } from '@/lib/stored-moment';
import { runProviderRounds, type RoundWork } from '@/lib/sms/provider/provider-rounds';
import { putAside } from './lists-aside';
import { markListed } from './mark-listed';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** A list that is not there yet, or not answered, is asked for again after this. */
const againAfterMs = hourMs;

/** A list that comes later than this is not waited for any more. */
const mostLateMs = 7 * dayMs;

/** Who reads a day is given up after this; reading a file takes at most half of it (lib/sms/provider/deactivations-file.ts). */
const leaseMs = 20 * minuteMs;

/** So many days are read at first, and after an outage of ours at most: a number has mostly gone to someone else after 90. */
const firstDays = 30;
const mostDays = 90;

/**
 * Reads, once a day, which numbers carriers took out of service, and marks those that someone proved with us. Days that were missed
 * are read later, one after the other. Of several processes one does it.
 *
 * `stop()` ends the read under way, which begins again at the next start, and resolves then.
 */
export function runDeactivations(options: { log?: (line: string) => void } = {}): { stop(): Promise<void> } {
  return runProviderRounds(
    async (work, signal) => {
      while ((await readDeactivations(work, { now: databaseNow(), signal })) === 'read' && !signal.aborted);
    },
    {
      everyMs: minuteMs,
      onFault: (error, log, signal) => {
        if (!signal.aborted) log.warn('sms_deactivations_failed', { error });
      },
      write: options.log,
    },
  );
}

/**
 * Reads the list of the first day that was not read yet, if that is over and nobody else is at it, and where texts go to the US, whose
 * carriers alone tell. A list that breaks off marks nothing and is read again from its beginning, within an hour. One that would mark too
 * many is put aside, and the days after it go on. A day that is kept no longer, or still has no list after a week, is left out.
 */
export async function readDeactivations(
  { db, provider, log }: RoundWork,
  { now, signal }: { now: Date; signal?: AbortSignal },
): Promise<'not_due' | 'read' | 'unanswered'> {
  if (provider.name === 'console' || !readEnv().smsCountries.includes('US')) return 'not_due';
  const ticket = new Date(now.getTime() + leaseMs);
  const readThrough = await beginRead(db, provider.name, { now, ticket });
  if (readThrough === null) return 'not_due';
  const day = dayAfter(readThrough);
  const end = (through: string, nextAt: Date) =>
    endRead(db, provider.name, { ticket, readThrough: through, nextAt });
  const read = await markListed({ db, provider }, day, { isTrusted: false, signal });
  if (signal?.aborted) {
    await end(readThrough, now);
    return 'unanswered';
  }
  const isLate = day < dayOf(new Date(now.getTime() - mostLateMs));
  const isOver =
    read.ok ||
    read.reason === 'too_many' ||
    read.reason === 'too_old' ||
    (read.reason === 'not_yet' && isLate);
  if (!isOver) {
    if (read.reason === 'unanswered') log.warn('sms_deactivations_unanswered', { day, fault: read.fault });
    await end(readThrough, new Date(now.getTime() + againAfterMs));
    return 'unanswered';
  }
  if (read.ok) log.info('sms_deactivations_read', { day, count: read.count, marked: read.marked });
  else if (read.reason === 'too_many') {
    const { count, wouldMark, held } = read;
    await putAside(db, { day, count, wouldMark, held }, now);
    log.warn('sms_deactivations_put_aside', { day, count, wouldMark, held });
  }
  await end(day, day < lastDay(now) ? now : new Date(startOf(day).getTime() + 2 * dayMs));
  return 'read';
}

/** The day through which was read. Null: it is not time, or someone else is at it. What no clock can have written counts as never read. */
async function beginRead(
  db: Db,
  provider: string,
  { now, ticket }: { now: Date; ticket: Date },
): Promise<string | null> {
  const last = startOf(lastDay(now)).getTime();
  const daysBack = (days: number) => dayOf(new Date(last - days * dayMs));
  const at = timestamp(now);
  const furthest = timestamp(new Date(now.getTime() + 2 * dayMs + believedAheadMs));
  const { rows } = await db.execute<{ read_through: string }>(sql`
    insert into sms_deactivation_reads as known (provider, read_through, next_at)
    values (${provider}, ${daysBack(firstDays)}::date, ${timestamp(ticket)})
    on conflict (provider) do update set next_at = excluded.next_at,
      read_through = case when known.read_through > ${lastDay(now)}::date then excluded.read_through
        else greatest(known.read_through, ${daysBack(mostDays)}::date) end
    where (known.next_at <= ${at} or known.next_at > ${furthest}) and known.read_through <> ${lastDay(now)}::date
    returning read_through::text as read_through`);
  return rows[0]?.read_through ?? null;
}

/** Zero rows: another process has begun again meanwhile, and will end it. */
async function endRead(
  db: Db,
  provider: string,
  { ticket, readThrough, nextAt }: { ticket: Date; readThrough: string; nextAt: Date },
): Promise<void> {
  await db.execute(sql`
    update sms_deactivation_reads set read_through = ${readThrough}::date, next_at = ${timestamp(nextAt)}
    where provider = ${provider} and next_at = ${timestamp(ticket)}`);
}

/** The last day that is over, in UTC. */
function lastDay(now: Date): string {
  return dayOf(new Date(now.getTime() - dayMs));
}

function dayAfter(day: string): string {
  return dayOf(new Date(startOf(day).getTime() + dayMs));
}

function startOf(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
