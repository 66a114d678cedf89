/**
 * What was counted about one scope, as of an hour: codes that were not entered in that hour, and in the 24 hours that end with it;
 * from how many networks those were; codes that were entered; and the most that were entered on one of the last 14 days.
 */
export type ScopeCounts = {
  unverifiedHour: number;
  unverifiedDay: number;
  networksHour: number;
  networksDay: number;
  verifiedHour: number;
  verifiedDay: number;
  bestDay: number;
};

/** Fewer codes than this close nothing, whatever share of all they are … */
export const fewestUnverified = 20;

/** … nor do those of fewer networks close a prefix, of which each counts this often at most. */
const fewestNetworks = 5;
export const mostOfANetwork = 2;

/** Closures of one scope less than a day apart get longer. */
const shortestClosureHours = 1;
const longestClosureHours = 24;
const hourMs = 3_600_000;
const closuresApartMs = 24 * hourMs;

/** The scopes that may be closed, and everything together, which only alerts. */
export type ScopeKind = 'prefix' | 'network' | 'all';

/**
 * Whether what was counted closes a scope, and by which window; null: it does not. The first that fits counts:
 *
 * - hour: at least 20 were not entered, which are 0.2 of a sixth of the best day or more, and 0.2 of those entered in this hour or
 *   more;
 * - day: at least 20, which are 0.3 of the best day or more, and 0.3 of those entered in these 24 hours or more.
 *
 * Of a network as many as were entered, in both, instead of 0.2 and 0.3: many people may be behind one address, such as an office or
 * a carrier's, and one in six of those may well enter none.
 *
 * After the formula of Authgear's fraud protection (github.com/authgear/authgear-server, docs/specs/fraud-protection.md), by prefix
 * instead of by country. `unverified` of a prefix counts each network twice at most. Counts are whole numbers, so no rounding
 * decides.
 */
export function judgeCounts(
  kind: ScopeKind,
  counts: ScopeCounts,
): { window: 'hour' | 'day'; unverified: number; threshold: number } | null {
  const isSpread = (networks: number) => kind !== 'prefix' || networks >= fewestNetworks;
  const windows = [
    { window: 'hour', unverified: counts.unverifiedHour, networks: counts.networksHour },
    { window: 'day', unverified: counts.unverifiedDay, networks: counts.networksDay },
  ] as const;
  for (const { window, unverified, networks } of windows) {
    const threshold = window === 'hour' ? hourThreshold(kind, counts) : dayThreshold(kind, counts);
    if (unverified >= threshold && isSpread(networks)) return { window, unverified, threshold };
  }
  return null;
}

function hourThreshold(kind: ScopeKind, { bestDay, verifiedHour }: ScopeCounts): number {
  const entered = kind === 'network' ? verifiedHour : Math.ceil(verifiedHour / 5);
  return Math.max(fewestUnverified, Math.ceil(bestDay / 30), entered);
}

function dayThreshold(kind: ScopeKind, { bestDay, verifiedDay }: ScopeCounts): number {
  const entered = kind === 'network' ? verifiedDay : Math.ceil((3 * verifiedDay) / 10);
  return Math.max(fewestUnverified, Math.ceil((3 * bestDay) / 10), entered);
}

/**
 * How many hours a scope is closed for: one, or twice as many as the last time where that ended less than a day ago, 24 at most.
 * `last` null: it never was, or someone opened it again.
 */
export function closureHours(last: { begunAt: Date; endsAt: Date } | null, now: Date): number {
  if (last === null || now.getTime() - last.endsAt.getTime() >= closuresApartMs) return shortestClosureHours;
  const hours = Math.round((last.endsAt.getTime() - last.begunAt.getTime()) / hourMs);
  return Math.min(longestClosureHours, Math.max(shortestClosureHours, 2 * hours));
}

/**
 * From which hour on codes count against a scope: none of before its last closure ended counts again. Null: all do. The hour in
 * which a closure ends by itself had none before; the one in which someone opens it had those that closed it.
 */
export function countsFrom(last: { endsAt: Date; endedAt: Date | null } | null): Date | null {
  if (last === null) return null;
  const floor = (at: Date) => Math.floor(at.getTime() / hourMs) * hourMs;
  return last.endedAt === null ? new Date(floor(last.endsAt)) : new Date(floor(last.endedAt) + hourMs);
}
