import { performance } from 'node:perf_hooks';
import { rememberServed } from '@/lib/last-served';

/**
 * Served in turn, so that a flood of registrations does not keep anyone from signing in, nor the reverse, and a flood of
 * strangers who sign in keeps nobody out whose browser is known.
 */
const lanes = ['hash', 'verify', 'verify_known'] as const;
export type Lane = (typeof lanes)[number];

/** What would wait for longer is refused at once: a person who waits so long asks again, which makes the line longer. */
const longestWaitMs = 5_000;

/** A machine that is just very slow lets so many wait all the same: a few people who sign in together are no flood. */
const leastRoom = 8;

/** Before any was measured. A hash of cost 12 takes 0.2 to 0.7 s. */
const firstGuessMs = 400;

/** Tells a task that waits that it may run, or that it has lost its place. */
type Waiting = (answer: 'go' | 'busy') => void;

/** What waits of one wide network, by source, and of one lane, by wide network: who is first in a map is served next. */
type OfWide = Map<string, Waiting[]>;
type OfLane = Map<string, OfWide>;

/**
 * Runs tasks of a like length, at most `threads` at a time. Those that wait are in lanes. Within a lane the wide networks are
 * served in turn, and within each of these its sources: who holds ten thousand sources in one of them is served as often as one
 * who comes alone from another. Where a lane is full, the last of whoever has the most waiting makes room for one with fewer; where
 * all have as many, that of whoever was served last makes room for one that was served longer ago or never: among the wide networks
 * first, then among the sources of one. So however many tasks one source brings, another's waits for one of them at most in each turn,
 * and however many sources keep asking, one that comes for the first time in a while is let in.
 *
 * Out: a function that answers what the task did, or `busy`, at once or when the task lost its place.
 *
 * @param wideOf the wide network around a source
 * @param clockMs for tests: by what tasks are timed
 * @param note told how long each task waited that ran, in milliseconds; null: it was refused
 */
export function makePasswordQueue(
  threads: number,
  wideOf: (source: string) => string,
  clockMs: () => number = () => performance.now(),
  note: (lane: Lane, waitedMs: number | null) => void = () => undefined,
) {
  const waiting: Record<Lane, OfLane> = { hash: new Map(), verify: new Map(), verify_known: new Map() };
  const servedWides = rememberServed();
  const servedSources = rememberServed();
  let running = 0;
  let servedLast: Lane = 'verify';
  let taskMs = firstGuessMs;

  /** How many may wait in a lane, so that the last of them waits no longer than is bearable. */
  const roomIn = (lane: Lane): number => {
    const busyLanes = lanes.filter((each) => each === lane || waiting[each].size > 0).length;
    return Math.max(leastRoom, Math.floor((longestWaitMs * threads) / (taskMs * busyLanes)));
  };

  /** Takes whose turn it is, and puts what is left of its source, and of its wide network, at the end of theirs. */
  const takeFirst = (lane: Lane): Waiting => {
    const [wide, ofWide] = waiting[lane].entries().next().value!;
    const [source, own] = ofWide.entries().next().value!;
    const taken = own.shift()!;
    ofWide.delete(source);
    if (own.length > 0) ofWide.set(source, own);
    waiting[lane].delete(wide);
    if (ofWide.size > 0) waiting[lane].set(wide, ofWide);
    return taken;
  };

  const takeLast = (lane: Lane, wide: string, source: string): Waiting => {
    const ofWide = waiting[lane].get(wide)!;
    const own = ofWide.get(source)!;
    const taken = own.pop()!;
    if (own.length === 0) ofWide.delete(source);
    if (ofWide.size === 0) waiting[lane].delete(wide);
    return taken;
  };

  const makeRoom = (lane: Lane, source: string): boolean => {
    const counts = new Map([...waiting[lane]].map(([wide, ofWide]) => [wide, countOf(ofWide)] as const));
    if ([...counts.values()].reduce((sum, count) => sum + count, 0) < roomIn(lane)) return true;
    const own = wideOf(source);
    const wide = findLoser(counts, own, servedWides.last) ?? own;
    const ofWide = waiting[lane].get(wide);
    if (ofWide === undefined) return false;
    const bySource = new Map([...ofWide].map(([name, tasks]) => [name, tasks.length] as const));
    const loser = findLoser(bySource, wide === own ? source : null, servedSources.last);
    if (loser === null) return false;
    takeLast(lane, wide, loser)('busy');
    return true;
  };

  const passOn = (): void => {
    const last = lanes.indexOf(servedLast);
    const inTurn = [...lanes.slice(last + 1), ...lanes.slice(0, last + 1)];
    const lane = inTurn.find((each) => waiting[each].size > 0);
    if (lane === undefined) {
      running -= 1;
      return;
    }
    takeFirst(lane)('go');
  };

  const wait = (lane: Lane, source: string): Promise<'go' | 'busy'> =>
    new Promise((go) => {
      const wide = wideOf(source);
      const ofWide: OfWide = waiting[lane].get(wide) ?? new Map();
      const own = ofWide.get(source) ?? [];
      own.push(go);
      waiting[lane].set(wide, ofWide.set(source, own));
    });

  return async <Answer>(
    { lane, source }: { lane: Lane; source: string },
    task: () => Promise<Answer>,
  ): Promise<Answer | 'busy'> => {
    const askedMs = clockMs();
    if (running < threads) {
      running += 1;
    } else {
      if (!makeRoom(lane, source)) {
        note(lane, null);
        return 'busy';
      }
      if ((await wait(lane, source)) === 'busy') {
        note(lane, null);
        return 'busy';
      }
    }
    note(lane, clockMs() - askedMs);
    servedLast = lane;
    servedWides.note(wideOf(source));
    servedSources.note(source);
    const startedMs = clockMs();
    try {
      return await task();
    } finally {
      taskMs = Math.min(longestWaitMs, Math.max(10, taskMs * 0.8 + (clockMs() - startedMs) * 0.2));
      passOn();
    }
  };
}

function countOf(ofWide: OfWide): number {
  return [...ofWide.values()].reduce((sum, tasks) => sum + tasks.length, 0);
}

/**
 * Of whom the last makes room for one more of `own`: of whoever has the most waiting, and of several, of whoever was served last, or is
 * the last in turn. Null: it is nobody else's turn to make room for it. `own` null: someone has to.
 */
function findLoser(
  counts: ReadonlyMap<string, number>,
  own: string | null,
  lastServed: (name: string) => number,
): string | null {
  const [first, ...others] = counts;
  if (first === undefined) return null;
  const [loser, most] = others.reduce((a, b) => {
    if (a[1] !== b[1]) return a[1] > b[1] ? a : b;
    return lastServed(a[0]) > lastServed(b[0]) ? a : b;
  }, first);
  if (own === null) return loser;
  const fewest = (counts.get(own) ?? 0) + 1;
  const isTheirTurn = most > fewest || (most === fewest && lastServed(loser) > lastServed(own));
  return isTheirTurn ? loser : null;
}
