import { performance } from 'node:perf_hooks';

/** While the event loop is busy, and the most while it has time. */
type Span = [whenBusy: number, most: number];

/** How much of one kind of request may be in hand, and how much may wait. */
export type Bounds = {
  inHand: Span;
  inHandPerNetwork: Span;
  waiting: number;
  waitingPerNetwork: number;
  /** What has waited for so long is refused. */
  patienceMs: number;
  /** A place is given back after so long, whatever its request is doing. */
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
  enter(network: string): Ticket;
  /**
   * To be called ten times a second: refuses who has waited too long, and takes places back that were kept too long.
   * @param isLoopFree whether the event loop had time since the last call
   */
  sweep(isLoopFree: boolean): void;
};

type Entry = {
  network: string;
  state: 'waiting' | 'in_hand' | 'left';
  /** When patience ends while it waits, when the place ends while it is in hand. */
  untilMs: number;
  settle: (turn: Turn) => void;
};

/** After so many sweeps in a row that find the loop free, the most may be in hand. */
const stepsToMost = 10;

type Network = { inHand: number; waiting: Set<Entry>; servedMs: number };

/**
 * Lets requests in, so many at once overall and of each network; the others wait. What is in hand shares one event loop:
 * while that is busy, more at once make all of them slower and none faster. Where it has time, they wait for something
 * else (the database, a password that is hashed), and more are let in step by step, so that slow ones hold nobody up.
 *
 * Whose network was let in the longest ago goes next. So networks that keep many waiting go in turns, and one that comes
 * now and then goes first, also before others that came a little earlier with much at once. Inside a network it is first
 * come, first served. However many new networks come, none that comes more than half the patience later goes before one
 * that waits. Where no more may wait, the last of the network with the most waiting is refused.
 *
 * @param clockMs for tests
 */
export function makeGate(bounds: Bounds, clockMs: () => number = () => performance.now()): Gate {
  const networks = new Map<string, Network>();
  /** Those of whom something waits. */
  const inLine = new Set<Network>();
  const waiting = new Set<Entry>();
  const inHand = new Set<Entry>();
  let steps = 0;
  const now = ([whenBusy, most]: Span): number =>
    whenBusy + Math.floor((steps * (most - whenBusy)) / stepsToMost);
  const headStartMs = bounds.patienceMs / 2;
  let servedLastMs = -Infinity;

  /** What is due the longest has the smallest. */
  const rank = ({ waiting: own, servedMs }: Network): number => {
    const [first] = own;
    const sinceMs = first!.untilMs - bounds.patienceMs;
    return Math.max(servedMs, sinceMs - headStartMs / own.size);
  };

  const takeNext = (): Entry | null => {
    let next: Network | null = null;
    for (const network of inLine) {
      if (network.inHand >= now(bounds.inHandPerNetwork)) continue;
      if (next === null || rank(network) < rank(next)) next = network;
    }
    return next === null ? null : next.waiting.values().next().value!;
  };

  const stopWaiting = (entry: Entry, turn: Turn): void => {
    const network = networks.get(entry.network)!;
    waiting.delete(entry);
    network.waiting.delete(entry);
    if (network.waiting.size === 0) inLine.delete(network);
    entry.state = turn === 'go' ? 'in_hand' : 'left';
    entry.settle(turn);
  };

  const passOn = (): void => {
    while (waiting.size > 0 && inHand.size < now(bounds.inHand)) {
      const entry = takeNext();
      if (entry === null) return;
      const network = networks.get(entry.network)!;
      // Never twice the same, so that networks let in at the same moment have an order too.
      servedLastMs = Math.max(clockMs(), servedLastMs + 0.001);
      network.servedMs = servedLastMs;
      network.inHand += 1;
      inHand.add(entry);
      entry.untilMs = clockMs() + bounds.placeMs;
      stopWaiting(entry, 'go');
    }
  };

  const giveBack = (entry: Entry): void => {
    inHand.delete(entry);
    networks.get(entry.network)!.inHand -= 1;
    entry.state = 'left';
    passOn();
  };

  /** Refuses the last of the network with the most waiting: of `own`, where no other has more. */
  const makeRoom = (own: Network): void => {
    let most = own;
    if (own.waiting.size <= bounds.waitingPerNetwork) {
      for (const network of inLine) {
        if (network.waiting.size > most.waiting.size) most = network;
      }
    }
    stopWaiting([...most.waiting].at(-1)!, 'busy');
  };

  return {
    enter: (name) => {
      const network = networks.get(name) ?? { inHand: 0, waiting: new Set(), servedMs: -Infinity };
      networks.set(name, network);
      let settle: Entry['settle'] = () => undefined;
      const turn = new Promise<Turn>((resolve) => (settle = resolve));
      const entry: Entry = {
        network: name,
        state: 'waiting',
        untilMs: clockMs() + bounds.patienceMs,
        settle,
      };
      waiting.add(entry);
      network.waiting.add(entry);
      inLine.add(network);
      passOn();
      if (network.waiting.size > bounds.waitingPerNetwork || waiting.size > bounds.waiting) makeRoom(network);
      return {
        turn,
        leave: () => {
          if (entry.state === 'waiting') stopWaiting(entry, 'gone');
          else if (entry.state === 'in_hand') giveBack(entry);
        },
        leaveWithin: (ms) => {
          if (entry.state === 'in_hand') entry.untilMs = Math.min(entry.untilMs, clockMs() + ms);
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
      for (const entry of inHand) if (entry.untilMs <= nowMs) giveBack(entry);
      steps = isLoopFree ? Math.min(stepsToMost, steps + 1) : 0;
      passOn();
      // Beyond the head start it makes no difference any more when a network was let in.
      for (const [name, network] of networks) {
        const isIdle = network.inHand === 0 && network.waiting.size === 0;
        if (isIdle && network.servedMs <= nowMs - headStartMs) networks.delete(name);
      }
    },
  };
}
