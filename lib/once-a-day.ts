import { sql } from 'drizzle-orm';
import { rateLimits } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { believedAheadMs } from '@/lib/stored-moment';

const hourMs = 3600 * 1000;

/** Whether this is the first time in 24 hours that anyone asks with this name, over all processes: for alerts. */
export async function isFirstToday(db: Db, name: string, now: Date): Promise<boolean> {
  return isFirst(db, `once_a_day:${name}`, { now, again: new Date(now.getTime() + 24 * hourMs) });
}

/** The same for an hour. */
export async function isFirstThisHour(db: Db, name: string, now: Date): Promise<boolean> {
  return isFirst(db, `once_an_hour:${name}`, { now, again: new Date(now.getTime() + hourMs) });
}

async function isFirst(db: Db, key: string, { now, again }: { now: Date; again: Date }): Promise<boolean> {
  const at = (instant: Date) => timestamp(instant);
  // What a clock that was ahead wrote silences no alert for longer than the time itself.
  const tooFarAhead = new Date(again.getTime() + believedAheadMs);
  const first = await db
    .insert(rateLimits)
    .values({ key, emptyAt: again })
    .onConflictDoUpdate({
      target: rateLimits.key,
      set: { emptyAt: again },
      setWhere: sql`${rateLimits.emptyAt} <= ${at(now)} or ${rateLimits.emptyAt} > ${at(tooFarAhead)}`,
    })
    .returning({ key: rateLimits.key });
  return first.length > 0;
}
