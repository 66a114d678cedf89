import { performance } from 'node:perf_hooks';

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

/** Of so many sources it is known which was served after which; those of longer ago count as new. */
const mostServed = 10_000;

/** Tells a task that waits that it may run, or that it has lost its place. */
type Waiting = (answer: 'go' | 'busy') => void;

/**
 * Runs tasks of a like length, at most `threads` at a time. Those that wait are in lanes. Within a lane the sources are
 * served in turn, and where it is full, the last of the source with the most waiting makes room for one with fewer; where
 * all have as many, that of the source that was served last makes room for one that was served longer ago or never. So
 * however many tasks one source brings, another's waits for one of them at most in each turn, and however many sources keep
 * asking, one that comes for the first time in a while is let in.
 *
 * Out: a function that answers what the task did, or `busy`, at once or when the task lost its place.
 *
 * @param clockMs for tests: by what tasks are timed
 * @param note told how long each task waited that ran, in milliseconds; null: it was refused
 */
export function makePasswordQueue(
  threads: number,
  clockMs: () => number = () => performance.now(),
  note: (lane: Lane, waitedMs: number | null) => void = () => undefined,
) {
  const waiting: Record<Lane, Map<string, Waiting[]>> = {
    hash: new Map(),
    verify: new Map(),
    verify_known: new Map(),
  };
  /** The source that was served last is the last. */
  const served = new Map<string, number>();
  let serves = 0;
  let running = 0;
  let servedLast: Lane = 'verify';
  let taskMs = firstGuessMs;

  /** How many may wait in a lane, so that the last of them waits no longer than is bearable. */
  const roomIn = (lane: Lane): number => {
    const busyLanes = lanes.filter((each) => each === lane || waiting[each].size > 0).length;
    return Math.max(leastRoom, Math.floor((longestWaitMs * threads) / (taskMs * busyLanes)));
  };

  const makeRoom = (lane: Lane, source: string): boolean => {
    const bySource = [...waiting[lane].entries()];
    const count = bySource.reduce((sum, [, own]) => sum + own.length, 0);
    if (count < roomIn(lane)) return true;
    const [loser, most] = bySource.reduce((a, b) => (losesTo(a, b) ? a : b));
    const fewest = (waiting[lane].get(source)?.length ?? 0) + 1;
    if (most.length < fewest || (most.length === fewest && lastServed(loser) <= lastServed(source))) {
      return false;
    }
    most.pop()!('busy');
    if (most.length === 0) waiting[lane].delete(loser);
    return true;
  };

  const lastServed = (source: string): number => served.get(source) ?? 0;

  /** Whether the first of two sources makes room before the second. */
  const losesTo = ([a, ofA]: [string, Waiting[]], [b, ofB]: [string, Waiting[]]): boolean =>
    ofA.length === ofB.length ? lastServed(a) >= lastServed(b) : ofA.length > ofB.length;

  const noteServed = (source: string): void => {
    served.delete(source);
    served.set(source, (serves += 1));
    if (served.size > mostServed) served.delete(served.keys().next().value!);
  };

  const passOn = (): void => {
    const last = lanes.indexOf(servedLast);
    const inTurn = [...lanes.slice(last + 1), ...lanes.slice(0, last + 1)];
    const lane = inTurn.find((each) => waiting[each].size > 0);
    if (lane === undefined) {
      running -= 1;
      return;
    }
    const [source, own] = waiting[lane].entries().next().value!;
    const next = own.shift()!;
    // To the end of the turn, or out of it.
    waiting[lane].delete(source);
    if (own.length > 0) waiting[lane].set(source, own);
    next('go');
  };

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
      const answer = await new Promise<'go' | 'busy'>((go) => {
        const own = waiting[lane].get(source);
        if (own) own.push(go);
        else waiting[lane].set(source, [go]);
      });
      if (answer === 'busy') {
        note(lane, null);
        return 'busy';
      }
    }
    note(lane, clockMs() - askedMs);
    servedLast = lane;
    noteServed(source);
    const startedMs = clockMs();
    try {
      return await task();
    } finally {
      taskMs = Math.min(longestWaitMs, Math.max(10, taskMs * 0.8 + (clockMs() - startedMs) * 0.2));
      passOn();
    }
  };
}
