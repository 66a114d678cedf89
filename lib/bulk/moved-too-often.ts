import { sql, type SQL } from 'drizzle-orm';
import { timestamp } from '@/db/timestamp';
import { limits } from '@/lib/rate-limits/limits';

const rules = limits.bulkMovesPerApplication;
const longestSeconds = Math.max(...rules.map(({ windowSeconds }) => windowSeconds));

/**
 * Whether bulk moves have moved an application too often lately, so that whoever makes many of them neither writes to one person again
 * and again nor gets around the limits of moves by hand. Each such move has left a notice, due at that moment or put off, so it is found
 * by the index of an application's notices.
 */
export function isMovedTooOften(applicationId: SQL, now: Date): SQL {
  const since = (seconds: number) => timestamp(new Date(now.getTime() - seconds * 1000));
  const broken = rules.map(
    ({ limit, windowSeconds }) =>
      sql`count(*) filter (where n.bulk_id is not null and e.at > ${since(windowSeconds)}) >= ${limit}`,
  );
  // Whether it was a bulk move is asked in the counts: as a condition, the planner would read the index of all that bulk moves left.
  return sql`
    (select ${sql.join(broken, sql` or `)} from application_notices n join application_events e on e.id = n.event_id
    where n.application_id = ${applicationId} and n.due_at > ${since(longestSeconds)} and n.kind <> 'reminder')`;
}
