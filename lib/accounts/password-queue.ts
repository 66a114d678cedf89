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

/** Tells a task that waits that it may run, or that it has lost its place. */
type Waiting = (answer: 'go' | 'busy') => void;

/**
 * Runs tasks of a like length, at most `threads` at a time. Those that wait stand in lanes. Within a lane the sources are
 * served in turn, and where it is full, the last of the source with the most waiting makes room for one with fewer. So
 * however many tasks one source brings, another's waits for one of them at most in each turn.
 *
 * Out: a function that answers what the task did, or `busy`, at once or when the task lost its place.
 *
 * @param clockMs for tests: by what tasks are timed
 */
export function makePasswordQueue(threads: number, clockMs: () => number = () => performance.now()) {
  const waiting: Record<Lane, Map<string, Waiting[]>> = {
    hash: new Map(),
    verify: new Map(),
    verify_known: new Map(),
  };
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
    const [, most] = bySource.reduce((a, b) => (b[1].length > a[1].length ? b : a));
    if (most.length <= (waiting[lane].get(source)?.length ?? 0) + 1) return false;
    most.pop()!('busy');
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
    if (running < threads) {
      running += 1;
    } else {
      if (!makeRoom(lane, source)) return 'busy';
      const answer = await new Promise<'go' | 'busy'>((go) => {
        const own = waiting[lane].get(source);
        if (own) own.push(go);
        else waiting[lane].set(source, [go]);
      });
      if (answer === 'busy') return 'busy';
    }
    servedLast = lane;
    const startedMs = clockMs();
    try {
      return await task();
    } finally {
      taskMs = Math.min(longestWaitMs, Math.max(10, taskMs * 0.8 + (clockMs() - startedMs) * 0.2));
      passOn();
    }
  };
}
