import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { failedTurn, inHandTurn } from './mail-turn';

/** No lease is this long: one that ends further ahead was written by a clock that was wrong. */
const farAheadSeconds = 600;

/** By the database's clock: its time is up, or it never could have been given out. */
export const isOverByLease = sql`(leased_until <= now() or leased_until > now() + make_interval(secs => ${farAheadSeconds}))`;

/**
 * A mailer that lives says how it goes with its mails every fifteen seconds, and every few seconds where it could not. So many looks,
 * so far apart, leave it time for that, whatever held the row or the database before, and whatever a clock says.
 */
const looksToBelieve = 5;
const lookEveryMs = 5_000;

/** So many leases at most are watched at a time. */
const mostWatched = 100;

/** A lease that was over. `until`: its end, in PostgreSQL's own words, so that nothing of it is lost. */
export type EndedLease = { id: string; leaseId: string; until: string };

export type LeaseWatch = { look(db: Db, inHand: string[]): Promise<EndedLease[]> };

/**
 * Watches leases on mails that are over. That a lease is over does not mean that its mailer is dead: its mail may be out, and someone
 * may hold the row so that it cannot say so. A mail counts as abandoned once its row was free, and its lease the very same, at five
 * looks in a row. Whoever takes it must compare the lease once more under the row's lock.
 *
 * `look` reads nothing if the last look was less than five seconds ago, and answers what that look did. `inHand`: mails of this
 * process, which are never abandoned.
 */
export function watchLeases(everyMs = lookEveryMs): LeaseWatch {
  let seen = new Map<string, EndedLease & { looks: number }>();
  let lastMs = -Infinity;
  return {
    look: async (db, inHand) => {
      if (performance.now() - lastMs >= everyMs) {
        const { rows } = await db.execute<{ id: string; lease_id: string; until: string }>(sql`
          select id, lease_id, leased_until::text as until from mails
          where sent_at is null and ended_at is null and turn between ${inHandTurn} and ${failedTurn - 1}
            and ${isOverByLease} and lease_id is not null
          order by turn, send_after limit ${mostWatched} for no key update skip locked`);
        lastMs = performance.now();
        const before = seen;
        seen = new Map();
        for (const { id, lease_id: leaseId, until } of rows) {
          const last = before.get(id);
          const isSame = last?.leaseId === leaseId && last.until === until;
          seen.set(id, { id, leaseId, until, looks: isSame ? last.looks + 1 : 1 });
        }
      }
      const own = new Set(inHand);
      return [...seen.values()].filter(({ id, looks }) => looks >= looksToBelieve && !own.has(id));
    },
  };
}
