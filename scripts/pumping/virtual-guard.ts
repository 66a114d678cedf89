import {
  closureHours,
  countsFrom,
  fewestUnverified,
  judgeCounts,
  mostOfANetwork,
  type ScopeCounts,
} from '@/lib/sms/pumping/closing-rule';

/** A code that is asked for in virtual time: minutes since the beginning, which is midnight in UTC. */
export type VirtualCode = { minute: number; prefix: string; network: string; isEntered: boolean };

export type VirtualClosure = { scope: string; begun: number; ends: number };

/** A code is counted so many minutes after it was asked for, as in lib/sms/pumping/count-codes.ts. */
const settledAfter = 11;

type Sum = { verified: number; unverified: number };

/**
 * The guard in memory, over the same rule as the real one (`closing-rule.ts`), which tests hold against each other: codes are
 * handed in by `ask` in the order of time, and what is over is counted once a minute.
 */
export class VirtualGuard {
  readonly closures: VirtualClosure[] = [];
  private readonly last = new Map<string, VirtualClosure>();
  private readonly sums = new Map<string, Map<number, Sum>>();
  private readonly pairs = new Map<string, Map<number, Map<string, number>>>();
  private waiting: VirtualCode[] = [];

  /** Whether a code goes out. What is refused is counted nowhere. */
  ask(code: VirtualCode): boolean {
    if (this.isClosed(code.prefix, code.minute) || this.isClosed(code.network, code.minute)) return false;
    this.waiting.push(code);
    return true;
  }

  /** Counts what is over by this minute, and closes what has become too much. */
  tick(minute: number): void {
    if (this.waiting.length === 0 || this.waiting[0]!.minute > minute - settledAfter) return;
    const until = this.waiting.findIndex((code) => code.minute > minute - settledAfter);
    const over = until === -1 ? this.waiting : this.waiting.slice(0, until);
    this.waiting = until === -1 ? [] : this.waiting.slice(until);
    const touched = new Map<string, number>();
    for (const { minute: asked, prefix, network, isEntered } of over) {
      const hour = Math.floor(asked / 60);
      for (const scope of [prefix, network]) {
        const sum = readOrSet(readOrSet(this.sums, scope, newMap<number, Sum>), hour, () => ({
          verified: 0,
          unverified: 0,
        }));
        if (isEntered) sum.verified += 1;
        else sum.unverified += 1;
        if (!isEntered) touched.set(scope, Math.max(hour, touched.get(scope) ?? hour));
      }
      if (isEntered) continue;
      const networks = readOrSet(
        readOrSet(this.pairs, prefix, newMap<number, Map<string, number>>),
        hour,
        newMap<string, number>,
      );
      networks.set(network, (networks.get(network) ?? 0) + 1);
    }
    for (const [scope, hour] of touched) this.judge(scope, hour, minute);
  }

  private isClosed(scope: string, minute: number): boolean {
    const closure = this.last.get(scope);
    return closure !== undefined && minute < closure.ends;
  }

  private judge(scope: string, hour: number, minute: number): void {
    if (this.isClosed(scope, minute) || this.missedOfDay(scope, hour) < fewestUnverified) return;
    const last = this.last.get(scope) ?? null;
    const dated = last && { begunAt: dateOf(last.begun), endsAt: dateOf(last.ends), endedAt: null };
    const from = countsFrom(dated);
    const counts = this.count(scope, hour, from === null ? -Infinity : from.getTime() / 3_600_000);
    if (judgeCounts(scope.startsWith('prefix:') ? 'prefix' : 'network', counts) === null) return;
    const closure = {
      scope,
      begun: minute,
      ends: minute + 60 * closureHours(dated, dateOf(minute)),
    };
    this.last.set(scope, closure);
    this.closures.push(closure);
  }

  /** Fewer than enough are no question, however they are looked at. */
  private missedOfDay(scope: string, hour: number): number {
    const sums = this.sums.get(scope);
    let missed = 0;
    for (let at = hour - 23; at <= hour; at += 1) missed += sums?.get(at)?.unverified ?? 0;
    return missed;
  }

  private count(scope: string, hour: number, from: number): ScopeCounts {
    const counts = {
      ...{ unverifiedHour: 0, unverifiedDay: 0, networksHour: 1, networksDay: 1 },
      ...{ verifiedHour: 0, verifiedDay: 0, bestDay: 0 },
    };
    const days = new Map<number, number>();
    for (const [at, { verified, unverified }] of this.sums.get(scope) ?? []) {
      if (at > hour) continue;
      const day = Math.floor(at / 24);
      if (day > Math.floor(hour / 24) - 14) days.set(day, (days.get(day) ?? 0) + verified);
      if (at === hour) counts.verifiedHour = verified;
      if (at > hour - 24) counts.verifiedDay += verified;
      if (at === hour && at >= from) counts.unverifiedHour = unverified;
      if (at > hour - 24 && at >= from) counts.unverifiedDay += unverified;
    }
    counts.bestDay = Math.max(0, ...days.values());
    if (!scope.startsWith('prefix:')) return counts;
    const ofDay = new Map<string, number>();
    for (const [at, networks] of this.pairs.get(scope) ?? []) {
      if (at > hour || at <= hour - 24 || at < from) continue;
      for (const [network, missed] of networks) ofDay.set(network, (ofDay.get(network) ?? 0) + missed);
    }
    const ofHour = hour >= from ? [...(this.pairs.get(scope)?.get(hour)?.values() ?? [])] : [];
    const capped = (missed: Iterable<number>) =>
      [...missed].reduce((sum, each) => sum + Math.min(mostOfANetwork, each), 0);
    return {
      ...counts,
      unverifiedHour: capped(ofHour),
      unverifiedDay: capped(ofDay.values()),
      networksHour: ofHour.length,
      networksDay: ofDay.size,
    };
  }
}

function dateOf(minute: number): Date {
  return new Date(minute * 60_000);
}

function newMap<Key, Value>(): Map<Key, Value> {
  return new Map<Key, Value>();
}

function readOrSet<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
