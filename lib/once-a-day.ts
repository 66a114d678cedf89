import { sql } from 'drizzle-orm';
import { rateLimits } from '@/db/schema/accounts';
import type { Db } from '@/db/client';

const dayMs = 24 * 3600 * 1000;

/** Whether this is the first time in 24 hours that anybody asks with this name, over all processes: for alerts. */
export async function isFirstToday(db: Db, name: string, now: Date): Promise<boolean> {
  const first = await db
    .insert(rateLimits)
    .values({ key: `once_a_day:${name}`, emptyAt: new Date(now.getTime() + dayMs) })
    .onConflictDoUpdate({
      target: rateLimits.key,
      set: { emptyAt: new Date(now.getTime() + dayMs) },
      setWhere: sql`${rateLimits.emptyAt} <= ${now.toISOString()}::timestamptz`,
    })
    .returning({ key: rateLimits.key });
  return first.length > 0;
}
