import { performance } from 'node:perf_hooks';

/** While the event loop is busy, and the most while it has time. */
type Span = [whenBusy: number, most: number];

/** How much of one kind of request may be in progress, and how much may wait. */
export type Bounds = {
  inProgress: Span;
  inProgressPerNetwork: Span;
  waiting: number;
  waitingPerNetwork: number;
  /** About one subject, whichever network they come from. */
  inProgressPerSubject: number;
  /** About one subject, of one network. */
  waitingPerSubject: number;
  /** What has waited for so long is refused. */
  patienceMs: number;
  /** A place is free again after so long, whatever its request is doing. */
  placeMs: number;
};

/** `gone`: it left while it waited. */
export type Turn = 'go' | 'busy' | 'gone';

export type Ticket = {
  turn: Promise<Turn>;
  /** Gives the place back, or ends the waiting; a second time does nothing. */
  leave(): void;
  /** From now on a place is kept for so long at most. */
  leaveWithin(ms: number): void;
};

export type Gate = {
  /** @param subjects what the request is about: those that are about the same one would only wait for each other's locks */
  enter(network: string, subjects?: readonly string[]): Ticket;
  /**
   * To be called ten times a second: refuses who has waited too long, and takes places back that were kept too long.
   * @param isLoopFree whether the event loop had time since the last call
   */
  sweep(isLoopFree: boolean): void;
};

type Entry = {
  network: string;
  subjects: readonly string[];
  state: 'waiting' | 'in_progress' | 'left';
  /** When patience ends while it waits, when the place ends while it is in progress. */
  untilMs: number;
  settle: (turn: Turn) => void;
};

/** After so many sweeps in a row that find the loop free, the most may be in progress. */
const stepsToMost = 10;

/** Each so many-th turn goes to what has waited for long: where it comes from who has waited for long, too, and else. */
const turnsOfLong = { fromLong: 2, fromOthers: 4 };

type Network = { inProgress: number; waiting: Set<Entry>; servedMs: number; wide: Wide };

/** What networks lie in, that one provider or one owner of many may hold. */
type Wide = {
  name: string;
  /** How many are known. */
  networks: number;
  /** Those of whom something waits. */
  inLine: Set<Network>;
  /** How much of them waits. */
  waiting: number;
  /** When one of them was let in. */
  servedMs: number;
};

/** The first that waits of a network. What is due the longest has the smallest rank. */
type Due = { first: Entry; rank: number };

/**
 * Lets requests in, so many at once overall and of each network; the others wait. What is in progress shares one event loop:
 * while that is busy, more at once make all of them slower and none faster. Where it has time, they wait for something
 * else (the database, a password that is hashed), and more are let in step by step, so that slow ones hold nobody up.
 *
 * Wide networks go in turns, and within each of them its networks: next is whose wide network was let in the longest ago, and
 * of that, whose network was. So who keeps many waiting, of however many networks of one wide network, has one turn among all, and one
 * that comes now and then goes first, also before others that came a little earlier with much at once. Inside a network it is first
 * come, first served. However many wide networks come, none that comes more than half the patience later goes before one that
 * waits and was not let in since.
 *
 * Some turns go to what has waited for half the patience, of a network that was not let in meanwhile, whatever wide network it is
 * of: every other one of those that would be of something that has waited as long, and else every fourth. So a crowd of one carrier
 * is served as it comes, though as many others come from ten wide networks, and who keeps many waiting takes few turns from others.
 *
 * Where no more may wait, the wide network with the most waiting loses one: the last of its network with the most.
 *
 * Of those about one subject only so many are in progress. The others wait without a place, and those behind them go first. Of
 * these so many may wait of each network.
 *
 * @param wideOf the wide network around one
 * @param clockMs for tests
 */
export function makeGate(
  bounds: Bounds,
  wideOf: (network: string) => string,
  clockMs: () => number = () => performance.now(),
): Gate {
  const networks = new Map<string, Network>();
  const wides = new Map<string, Wide>();
  /** Those of whom something waits. */
  const inLine = new Set<Wide>();
  const waiting = new Set<Entry>();
  const inProgress = new Set<Entry>();
  /** How many about each subject are in progress. */
  const aboutInProgress = new Map<string, number>();
  let steps = 0;
  const now = ([whenBusy, most]: Span): number =>
    whenBusy + Math.floor((steps * (most - whenBusy)) / stepsToMost);
  const headStartMs = bounds.patienceMs / 2;
  let servedLastMs = -Infinity;
  /** How many turns there were since one went to what has waited for long, while there is such. */
  let turnsSinceLong = 0;

  const mayGo = ({ subjects }: Entry): boolean =>
    subjects.every((subject) => (aboutInProgress.get(subject) ?? 0) < bounds.inProgressPerSubject);

  /** The first of a network that may go; null: all that wait are about something that is in progress. */
  const findFirst = ({ waiting: own }: Network): Entry | null => {
    for (const entry of own) if (mayGo(entry)) return entry;
    return null;
  };

  const sinceMsOf = (entry: Entry): number => entry.untilMs - bounds.patienceMs;

  /** Among those of its wide network, and among what has waited for long. */
  const rank = (first: Entry, { waiting: own, servedMs }: Network): number =>
    Math.max(servedMs, sinceMsOf(first) - headStartMs / own.size);

  const findNetwork = (name: string): Network => {
    const known = networks.get(name);
    if (known) return known;
    const wideName = wideOf(name);
    const wide = wides.get(wideName) ?? {
      name: wideName,
      networks: 0,
      inLine: new Set<Network>(),
      waiting: 0,
      servedMs: -Infinity,
    };
    wides.set(wideName, wide);
    wide.networks += 1;
    const network = { inProgress: 0, waiting: new Set<Entry>(), servedMs: -Infinity, wide };
    networks.set(name, network);
    return network;
  };

  const takeNext = (): Entry | null => {
    const longMs = clockMs() - headStartMs;
    let next: Due | null = null;
    let long: Due | null = null;
    for (const wide of inLine) {
      let ofWide: Due | null = null;
      let sinceMs = Infinity;
      for (const network of wide.inLine) {
        if (network.inProgress >= now(bounds.inProgressPerNetwork)) continue;
        const first = findFirst(network);
        if (first === null) continue;
        const due = { first, rank: rank(first, network) };
        ofWide = sooner(ofWide, due);
        sinceMs = Math.min(sinceMs, sinceMsOf(first));
        if (Math.max(network.servedMs, sinceMsOf(first)) <= longMs) long = sooner(long, due);
      }
      if (ofWide === null) continue;
      const ofAll = Math.max(wide.servedMs, sinceMs - headStartMs / wide.waiting);
      next = sooner(next, { first: ofWide.first, rank: ofAll });
    }
    if (next === null) return null;
    turnsSinceLong = long === null ? 0 : turnsSinceLong + 1;
    const isFromLong = sinceMsOf(next.first) <= longMs;
    const isTurnOfLong = turnsSinceLong >= (isFromLong ? turnsOfLong.fromLong : turnsOfLong.fromOthers);
    if (long === null || !isTurnOfLong) return next.first;
    turnsSinceLong = 0;
    return long.first;
  };

  const count = (entry: Entry, change: 1 | -1): void => {
    for (const subject of entry.subjects) {
      const left = (aboutInProgress.get(subject) ?? 0) + change;
      if (left > 0) aboutInProgress.set(subject, left);
      else aboutInProgress.delete(subject);
    }
  };

  const stopWaiting = (entry: Entry, turn: Turn): void => {
    const network = networks.get(entry.network)!;
    const { wide } = network;
    waiting.delete(entry);
    network.waiting.delete(entry);
    wide.waiting -= 1;
    if (network.waiting.size === 0) wide.inLine.delete(network);
    if (wide.waiting === 0) inLine.delete(wide);
    entry.state = turn === 'go' ? 'in_progress' : 'left';
    entry.settle(turn);
  };

  const passOn = (): void => {
    while (waiting.size > 0 && inProgress.size < now(bounds.inProgress)) {
      const entry = takeNext();
      if (entry === null) return;
      const network = networks.get(entry.network)!;
      // Never twice the same, so that networks let in at the same moment have an order too.
      servedLastMs = Math.max(clockMs(), servedLastMs + 0.001);
      network.servedMs = servedLastMs;
      network.wide.servedMs = servedLastMs;
      network.inProgress += 1;
      inProgress.add(entry);
      count(entry, 1);
      entry.untilMs = clockMs() + bounds.placeMs;
      stopWaiting(entry, 'go');
    }
  };

  const release = (entry: Entry): void => {
    inProgress.delete(entry);
    count(entry, -1);
    networks.get(entry.network)!.inProgress -= 1;
    entry.state = 'left';
    passOn();
  };

  /** Whose last is refused, when one more of `own` waits than may. */
  const findLoser = (own: Network): Network => {
    if (own.waiting.size > bounds.waitingPerNetwork) return own;
    const wide = withMost(inLine, (each) => each.waiting, own.wide);
    return withMost(wide.inLine, (each) => each.waiting.size, wide === own.wide ? own : null);
  };

  /** Whether more wait about one of its subjects than may, of its network. */
  const isCrowded = ({ subjects }: Entry, { waiting: own }: Network): boolean =>
    subjects.some((subject) => {
      let others = 0;
      for (const entry of own) if (entry.subjects.includes(subject)) others += 1;
      return others > bounds.waitingPerSubject;
    });

  return {
    enter: (name, subjects = []) => {
      const network = findNetwork(name);
      let settle: Entry['settle'] = () => undefined;
      const turn = new Promise<Turn>((resolve) => (settle = resolve));
      const entry: Entry = {
        network: name,
        subjects,
        state: 'waiting',
        untilMs: clockMs() + bounds.patienceMs,
        settle,
      };
      waiting.add(entry);
      network.waiting.add(entry);
      network.wide.inLine.add(network);
      network.wide.waiting += 1;
      inLine.add(network.wide);
      passOn();
      if (entry.state === 'waiting' && isCrowded(entry, network)) stopWaiting(entry, 'busy');
      if (network.waiting.size > bounds.waitingPerNetwork || waiting.size > bounds.waiting) {
        stopWaiting([...findLoser(network).waiting].at(-1)!, 'busy');
      }
      return {
        turn,
        leave: () => {
          if (entry.state === 'waiting') stopWaiting(entry, 'gone');
          else if (entry.state === 'in_progress') release(entry);
        },
        leaveWithin: (ms) => {
          if (entry.state === 'in_progress') entry.untilMs = Math.min(entry.untilMs, clockMs() + ms);
        },
      };
    },
    sweep: (isLoopFree) => {
      const nowMs = clockMs();
      for (const entry of waiting) {
        // They came in this order, and all have the same patience.
        if (entry.untilMs > nowMs) break;
        stopWaiting(entry, 'busy');
      }
      for (const entry of inProgress) if (entry.untilMs <= nowMs) release(entry);
      steps = isLoopFree ? Math.min(stepsToMost, steps + 1) : 0;
      passOn();
      // Beyond the head start it makes no difference any more when a network was let in.
      for (const [name, network] of networks) {
        const isIdle = network.inProgress === 0 && network.waiting.size === 0;
        if (!isIdle || network.servedMs > nowMs - headStartMs) continue;
        networks.delete(name);
        network.wide.networks -= 1;
        if (network.wide.networks === 0) wides.delete(network.wide.name);
      }
    },
  };
}

function sooner(known: Due | null, other: Due): Due {
  return known !== null && known.rank <= other.rank ? known : other;
}

/** Of those with the most, `own`, else the one that came last; there is at least one. */
function withMost<Holder>(
  all: Iterable<Holder>,
  countOf: (holder: Holder) => number,
  own: Holder | null,
): Holder {
  const most = [...all].reduce((a, b) => (countOf(b) >= countOf(a) ? b : a));
  return own !== null && countOf(own) >= countOf(most) ? own : most;
}
