import { performance } from 'node:perf_hooks';
import { db as openDb, type Db } from '@/db/client';
import { env as readEnv, type Env } from '@/lib/env';
import { openLog, type Log } from '@/lib/log';
import {
  claimLookUps,
  claimSends,
  countStrangers,
  holdBack,
  isOurs,
  lookForWork,
  releaseAbandoned,
  type DatabaseClock,
  type Held,
} from './claim';
import { lookUpOutcome } from './look-up-outcome';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { recordFault } from './outcome';
import type { Provider } from '@/lib/sms/provider/provider';
import { reconcileTexts } from '@/lib/sms/delivery/reconcile';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { readFacts, sendClaimed, startSending, type Sending } from './send';
import type { SenderRole } from '@/db/schema/consent';
import { paceOf, sendersOf } from '@/lib/sms/senders/sender';
import { addSender } from '@/lib/sms/capacity/send-rate';
import { listenToOutbox, makeWake, type Wake } from '@/lib/outbox-listener';
import { outboxChannel } from '@/lib/sms/outbox/text-outbox';

export type DispatcherOptions = {
  /** Gets each finished line of the log; standard error when absent. */
  log?: (line: string) => void;
  env?: Env;
  db?: Db;
  provider?: Provider;
  /** For tests: has the dispatcher take the database's clock to be so far ahead. */
  clockOffsetMs?: number;
  /** Called at each sign of life: once a second at least while the dispatcher is well. */
  beat?: () => void;
};

/** Calls in flight at a time, so that a slow provider keeps nothing waiting but the texts that its dispatcher has claimed. */
const capacity = 64;

/** Of which texts that are no codes may hold so many. */
const capacityOfOthers = 48;

/** Where texts wait for room, they are claimed as soon as there is so much, and fewer only now and then. */
const worthwhileRoom = 16;
const lookUpCapacity = 8;

/** Without a notification, new work is found this soon. */
const pollMs = 1_000;

/** What is due and in other hands is asked for again this soon. */
const busyRestMs = 50;

/**
 * Sends what the outbox holds, until stopped: from each of our senders what is its, in a loop of its own, so that neither waits
 * for the other's pace. Any number of processes may run it at the same time.
 *
 * Woken by NOTIFY, with a look each second as the safety net; both survive a restart of the database. Due texts are claimed
 * under a lease, codes first; the send policy is asked again, for a whole claim at once; the prices are reserved and the places
 * in the sender's pace taken; the provider is called outside any transaction; one UPDATE guarded by the lease records the
 * outcome. A text whose outcome is unknown, after a timeout, a 5xx or a crash, is looked up at the provider before it is
 * sent again. One that cannot be handled keeps nobody else's waiting, and ends after five tries.
 *
 * Every moment is the database's, so that a wrong clock of this machine changes nothing.
 *
 * `stop()` claims nothing more and resolves when everything claimed is recorded.
 */
export function runDispatcher(options: DispatcherOptions = {}): { stop(): Promise<void> } {
  const env = options.env ?? readEnv();
  const log = openLog({ level: env.logLevel, write: options.log });
  const stopping = new AbortController();
  const { signal } = stopping;
  const roles = sendersOf(env);
  const beaten = new Set<SenderRole>();
  const posts = roles.map((role) => {
    const beat = () => {
      beaten.add(role);
      if (beaten.size < roles.length) return;
      beaten.clear();
      options.beat?.();
    };
    return { role, beat, news: makeNews() };
  });
  const ringAll = () => posts.forEach(({ news }) => news.ring());
  const running = Promise.all([
    listenToOutbox(env.databaseUrl, { channel: outboxChannel, wake: ringAll, log, signal }),
    ...posts.map((post) => loop(options, { env, log, signal, ...post })),
  ]);
  return {
    stop: async () => {
      stopping.abort();
      ringAll();
      await running;
    },
  };
}

/** Tells one loop that something was written down, whoever sends it: `take` says whether it was since the last time it was asked. */
type News = { wake: Wake; ring: () => void; take: () => boolean };

function makeNews(): News {
  const wake = makeWake();
  let isNews = false;
  return {
    wake,
    ring: () => {
      isNews = true;
      wake.ring();
    },
    take: () => {
      const was = isNews;
      isNews = false;
      return was;
    },
  };
}

/** What a dispatcher works with and has claimed. */
type Hands = Sending & {
  sends: Map<string, { isCode: boolean }>;
  lookUps: Set<string>;
  isChecking: boolean;
  /** How many places strangers' codes have had since the last one of others. */
  strangersBefore: number;
  tasks: Set<Promise<unknown>>;
  plan: Plan;
  ring: () => void;
};

/** When to do what next, by this process's own ticks. */
type Plan = {
  lookAtMs: number;
  /** Infinity: not before something happens. */
  claimAtMs: number;
  /** Nothing can be claimed before: no place in the pace is within reach, or the sender rests. */
  notBeforeMs: number;
  /** Not before then are a few texts claimed that are no codes: a claim costs the same for one as for many. */
  fewAtMs: number;
  /** There is more to claim than room for it: claimed as soon as a text is out of hand. */
  waitsForRoom: boolean;
};

async function loop(
  options: DispatcherOptions,
  given: { env: Env; log: Log; role: SenderRole; news: News; beat: () => void; signal: AbortSignal },
): Promise<void> {
  const { env, log, role, news, beat, signal } = given;
  const { wake } = news;
  const provider = options.provider ?? (await openProvider(env, role));
  await provider.prepare();
  const plan: Plan = { lookAtMs: 0, claimAtMs: 0, notBeforeMs: 0, fewAtMs: 0, waitsForRoom: false };
  const clockOffsetMs = options.clockOffsetMs ?? 0;
  const hands: Hands = {
    ...startSending({
      db: options.db ?? openDb(),
      env,
      provider,
      role,
      log,
      paceClock: new PaceClock(),
      clockOffsetMs,
    }),
    sends: new Map(),
    lookUps: new Set(),
    isChecking: false,
    strangersBefore: 0,
    tasks: new Set(),
    plan,
    ring: wake.ring,
  };
  log.info('dispatcher_started', {
    backend: provider.name,
    sender: role,
    messagesPerSecond: paceOf(env, role),
  });
  let isSenderKnown = false;
  while (!signal.aborted) {
    beat();
    try {
      if (!isSenderKnown) await addSender(hands.db, provider.sender);
      isSenderKnown = true;
      if (news.take()) hearNews(hands);
      if (performance.now() >= plan.lookAtMs) {
        await look(hands);
      }
      if (performance.now() >= plan.claimAtMs) await claim(hands);
    } catch (error) {
      // The database may be restarting; nothing is lost, since what was claimed is under a lease.
      log.error('dispatcher_round_failed', { error });
      plan.lookAtMs = performance.now() + pollMs;
      plan.claimAtMs = performance.now() + pollMs;
    }
    const restMs = Math.min(plan.lookAtMs, plan.claimAtMs) - performance.now();
    await wake.wait(Math.max(0, Math.ceil(restMs)), signal);
  }
  while (hands.tasks.size > 0) await Promise.all(hands.tasks);
  log.info('dispatcher_stopped');
}

/**
 * Has claimed what was written down. Where two senders share the texts, it may be the other's: then a look tells first, which costs
 * a fraction of a claim, and none is needed where a claim is to come anyway.
 */
function hearNews({ env, role, plan }: Hands): void {
  const now = performance.now();
  if (sendersOf(env).length === 1) return claimBy(plan, now);
  if (role === 'updates' && plan.waitsForRoom) return;
  const momentMs = Math.max(now, plan.notBeforeMs);
  if (plan.claimAtMs > momentMs) plan.lookAtMs = Math.min(plan.lookAtMs, momentMs);
}

/** Has texts claimed at a moment, or as soon after as there can be any. */
function claimBy(plan: Plan, momentMs: number): void {
  plan.claimAtMs = Math.min(plan.claimAtMs, Math.max(momentMs, plan.notBeforeMs));
}

/** Looks what there is to do, and does what is no sending. */
async function look(hands: Hands): Promise<void> {
  const { plan } = hands;
  const found = await lookForWork(hands);
  const now = performance.now();
  const { dueInMs } = found;
  plan.lookAtMs = now + (dueInMs !== null && dueInMs > 0 ? Math.min(pollMs, dueInMs) : pollMs);
  if (found.abandoned) await releaseAbandoned(hands);
  if (found.abandoned || (dueInMs !== null && dueInMs <= 0)) claimBy(plan, now);
  const room = lookUpCapacity - hands.lookUps.size;
  if (found.lookUps && room > 0) await startLookUps(hands, room);
  if (found.checks) startChecks(hands, found.clock);
}

/** Claims what may go, starts sending it, and plans when to claim again. */
async function claim(hands: Hands): Promise<void> {
  const { plan, sends } = hands;
  const isPaced = paceOf(hands.env, hands.role) !== null;
  const others = [...sends.values()].filter(({ isCode }) => !isCode).length;
  const room = capacity - sends.size;
  const freeForOthers = Math.max(0, Math.min(room, capacityOfOthers - others));
  const isWorthIt = freeForOthers >= worthwhileRoom || performance.now() >= plan.fewAtMs;
  // Codes are never kept waiting for that.
  const roomForOthers = isWorthIt && hands.role === 'updates' ? freeForOthers : 0;
  if (roomForOthers > 0) plan.fewAtMs = performance.now() + busyRestMs;
  plan.claimAtMs = Infinity;
  plan.waitsForRoom = room <= 0;
  if (plan.waitsForRoom) return;

  const { strangersBefore } = hands;
  const { leadMs } = hands.pacing;
  const found = await claimSends(hands, { room, roomForOthers, strangersBefore, leadMs });
  hands.strangersBefore = countStrangers(strangersBefore, found);
  const now = performance.now();
  if (found.stopped !== null) {
    plan.notBeforeMs = now + pollMs;
    claimBy(plan, plan.notBeforeMs);
    start(hands, await holdBack(hands, { reason: found.stopped, room }), { wasStopped: true });
    return;
  }
  start(hands, found.held, { wasStopped: found.wasStopped });
  plan.notBeforeMs = now + found.slotInMs;
  if (found.dueInMs !== null) plan.lookAtMs = Math.min(plan.lookAtMs, now + found.dueInMs);
  if (!found.isMore) return;
  plan.waitsForRoom = true;
  if (found.held.length > 0) {
    // Where the pace is limited, the places of what was claimed are taken first: `start` claims again after that.
    if (!isPaced) claimBy(plan, now);
  } else if (found.slotInMs > 0) claimBy(plan, now);
  else if (freeForOthers > 0) claimBy(plan, now + busyRestMs);
}

function start(hands: Hands, held: readonly Held[], { wasStopped }: { wasStopped: boolean }): void {
  if (held.length === 0) return;
  const { plan, sends, log } = hands;
  for (const each of held) sends.set(each.id, each);
  const claimMore = () => {
    if (!plan.waitsForRoom) return;
    const isWorthIt = sends.size === 0 || capacityOfOthers - sends.size >= worthwhileRoom;
    const momentMs = isWorthIt ? performance.now() : plan.fewAtMs;
    if (plan.claimAtMs <= momentMs) return;
    claimBy(plan, momentMs);
    hands.ring();
  };
  const settled = ({ id }: Held) => {
    sends.delete(id);
    claimMore();
  };
  const task = sendClaimed(hands, held, { wasStopped, settled, placed: claimMore })
    .catch((error: unknown) => log.error('sms_work_failed', { error }))
    .finally(() => held.forEach(settled));
  track(hands, task);
}

async function startLookUps(hands: Hands, room: number): Promise<void> {
  const { lookUps, log } = hands;
  const claimed = await claimLookUps(hands, room);
  if (claimed.length === 0) return;
  const facts = await readFacts(hands, claimed);
  for (const held of claimed) {
    const known = facts.get(held.id);
    if (known === undefined) continue;
    lookUps.add(held.id);
    const task = lookUpOutcome(hands, held, known)
      .catch((error: unknown) => recordFault(hands, held, error))
      .catch((error: unknown) => log.error('sms_work_failed', { message: held.id, error }))
      .finally(() => {
        lookUps.delete(held.id);
        // What was not found is in the queue again; what else there is to look up has room now.
        hands.plan.lookAtMs = 0;
        hands.ring();
      });
    track(hands, task);
  }
}

/** Asks the provider what became of texts that it has not told by itself. */
function startChecks(hands: Hands, clock: DatabaseClock): void {
  const { db, provider, log } = hands;
  if (hands.isChecking || provider.firstCheckAfterMs === null) return;
  hands.isChecking = true;
  const task = reconcileTexts(db, provider, { now: clock(), log, which: isOurs(hands) })
    .catch((error: unknown) => log.error('sms_reconcile_failed', { error }))
    .finally(() => (hands.isChecking = false));
  track(hands, task);
}

function track({ tasks }: Hands, task: Promise<unknown>): void {
  const tracked: Promise<unknown> = task.finally(() => tasks.delete(tracked));
  tasks.add(tracked);
}
