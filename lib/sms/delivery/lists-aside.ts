import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { epochMs, timestamp } from '@/db/timestamp';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import type { Provider } from '@/lib/sms/provider/provider';
import { markListed, type ListRead } from './mark-listed';

/** A list of numbers out of service that was put aside, since it would have put too many of ours in doubt (mark-listed.ts). */
export type ListAside = {
  /** `YYYY-MM-DD`, in UTC. */
  day: string;
  putAsideAt: Date;
  /** The numbers on it, those of ours that it would put in doubt, and all that accounts held then. */
  count: number;
  wouldMark: number;
  held: number;
};

/** Keeps what was found on a list of which nothing was marked, until an operator lets it through or drops it. */
export async function putAside(
  db: Db,
  { day, count, wouldMark, held }: Omit<ListAside, 'putAsideAt'>,
  now: Date,
): Promise<void> {
  await db.execute(sql`
    insert into sms_deactivations_aside (day, put_aside_at, numbers, would_mark, held)
    values (${day}::date, ${timestamp(now)}, ${count}, ${wouldMark}, ${held})
    on conflict (day) do update set put_aside_at = excluded.put_aside_at, numbers = excluded.numbers,
      would_mark = excluded.would_mark, held = excluded.held`);
}

/** The lists that wait for an operator, the latest day first. */
export async function listAside(db: Db): Promise<ListAside[]> {
  const { rows } = await db.execute<{
    day: string;
    at_ms: number;
    numbers: number;
    would_mark: number;
    held: number;
  }>(sql`
    select day::text as day, ${epochMs(sql`put_aside_at`)} as at_ms, numbers, would_mark, held
    from sms_deactivations_aside order by sms_deactivations_aside.day desc`);
  return rows.map((row) => ({
    ...{ day: row.day, putAsideAt: new Date(row.at_ms), count: row.numbers },
    ...{ wouldMark: row.would_mark, held: row.held },
  }));
}

/**
 * Reads a list that was put aside once more, and marks all of ours on it, in an operator's name. `not_aside`: none of that day
 * waits. Where it cannot be read any more, it stays where it is.
 */
export async function letThrough(
  { db, provider }: { db: Db; provider: Provider },
  day: string,
  operator: string,
  context: RequestContext,
): Promise<Extract<ListRead, { ok: true }> | { ok: false; reason: 'not_aside' | 'too_old' | 'unanswered' }> {
  if (!(await isAside(db, day))) return { ok: false, reason: 'not_aside' };
  const read = await markListed({ db, provider }, day, { isTrusted: true });
  if (!read.ok) return { ok: false, reason: read.reason === 'too_old' ? 'too_old' : 'unanswered' };
  await endWait(db, day, { action: 'carrier_list_marked', operator, marked: read.marked }, context);
  return read;
}

/** Forgets a list that was put aside: it marks nothing, and is not read again. False: none of that day waits. */
export async function dropList(
  db: Db,
  day: string,
  operator: string,
  context: RequestContext,
): Promise<boolean> {
  return endWait(db, day, { action: 'carrier_list_dropped', operator }, context);
}

async function isAside(db: Db, day: string): Promise<boolean> {
  const { rowCount } = await db.execute(sql`select from sms_deactivations_aside where day = ${day}::date`);
  return rowCount === 1;
}

async function endWait(
  db: Db,
  day: string,
  {
    action,
    ...said
  }: { action: 'carrier_list_marked' | 'carrier_list_dropped'; operator: string; marked?: number },
  context: RequestContext,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const { rowCount } = await tx.execute(sql`delete from sms_deactivations_aside where day = ${day}::date`);
    if (rowCount !== 1) return false;
    await recordAudit(tx, { action, userId: null, details: { day, ...said } }, context);
    return true;
  });
}
