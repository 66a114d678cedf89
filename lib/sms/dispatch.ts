import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { MessageDetails } from '@/db/schema/sms';
import { db as openDb, type Db } from '@/db/client';
import { env as readEnv, type Env } from '@/lib/env';
import { openLog, type Log } from '@/lib/log';
import { reserveSpend } from './budget';
import {
  busyRestMs,
  claimLookUps,
  claimSends,
  pollMs,
  readNextDue,
  releaseUncalled,
  releaseUnsent,
  type Claimed,
  type Work,
} from './claim';
import { reconcileTexts } from './delivery';
import { askGates, explainStop } from './gates';
import { lookUp } from './look-up';
import { readNumber } from './number';
import { recordEnd, recordOutcome, recordOverBudget, recordWait } from './outcome';
import { openProvider } from './open-provider';
import type { Provider } from './provider';
import { countSegments, estimatePriceMicros } from './segments';
import { giveBackSlot, slotToleranceMs, takeSlots } from './senders';
import { listenForTexts, makeWake, type Wake } from './wake';

export type DispatcherOptions = {
  /** Gets each finished line of the log; standard error when absent. */
  log?: (line: string) => void;
  env?: Env;
  db?: Db;
  provider?: Provider;
};

/** Calls in flight at a time, so that a slow provider keeps nothing waiting but the texts in its hands. */
const capacity = 24;
/** Of which texts that are no codes may hold so many. */
const capacityOfOthers = 16;
const lookUpCapacity = 8;

/** So long before its place a text is asked about for the last time, at least: what a read of one row takes. */
const stopCheckMs = 20;
/** A database that is too slow for that is not asked again for a place that comes this soon after the last answer. */
const stopCheckHoldsMs = 1_500;

/** No call starts later than this after its claim, so that an expired lease is late enough for the look-up too. */
const callByMs = 3_000;
/** After a fault on our own side, such as a database that restarts. */
const failureRestMs = 1_000;

/**
 * Sends what the outbox holds, until stopped. Any number of processes may run it at the same time.
 *
 * Woken by NOTIFY, with a poll as the safety net; both survive a restart of the database. Each text is claimed under a
 * lease, with its place in the sender's pace, codes first; every gate is asked again; the price is reserved; the provider
 * is called outside any transaction; one UPDATE guarded by the lease records the outcome. A text whose outcome is unknown,
 * after a timeout, a 5xx or a crash, is looked up at the provider before it is sent again.
 *
 * `stop()` claims nothing more and resolves when everything in hand is recorded.
 */
export function runDispatcher(options: DispatcherOptions = {}): { stop(): Promise<void> } {
  const env = options.env ?? readEnv();
  const log = openLog({ level: env.logLevel, write: options.log });
  const wake = makeWake();
  const stopping = new AbortController();
  const running = Promise.all([
    listenForTexts(env.databaseUrl, { wake: wake.ring, log, signal: stopping.signal }),
    loop({ db: options.db, provider: options.provider, env, log }, wake, stopping.signal),
  ]);
  return {
    stop: async () => {
      stopping.abort();
      wake.ring();
      await running;
    },
  };
}

async function loop(
  { env, log, db, provider: given }: Omit<DispatcherOptions, 'log'> & { env: Env; log: Log },
  wake: Wake,
  signal: AbortSignal,
): Promise<void> {
  const provider = given ?? (await openProvider(env));
  await provider.prepare();
  const work: Work = {
    db: db ?? openDb(),
    env,
    provider,
    log,
    sends: new Map(),
    codesInFlight: { count: 0 },
    lookUps: new Map(),
  };
  log.info('dispatcher_started', { backend: provider.name, messagesPerSecond: env.smsMessagesPerSecond });
  let reconciling: Promise<unknown> = Promise.resolve();
  let reconcileAt = 0;
  while (!signal.aborted) {
    let restMs = pollMs;
    try {
      restMs = await runRound(work, wake.ring);
      if (provider.firstCheckAfterMs !== null && performance.now() >= reconcileAt) {
        reconcileAt = performance.now() + pollMs;
        const task = reconcileTexts(work.db, provider, { now: new Date(), log }).catch((error: unknown) =>
          log.error('sms_reconcile_failed', { error }),
        );
        reconciling = Promise.all([reconciling, task]);
      }
    } catch (error) {
      // The database may be restarting; nothing is lost, since what was claimed is under a lease.
      log.error('dispatcher_round_failed', { error });
    }
    await wake.wait(restMs, signal);
  }
  await Promise.all([...work.sends.values(), ...work.lookUps.values(), reconciling]);
  log.info('dispatcher_stopped');
}

/** Starts all work that may start now. Out: how long to rest, in ms, unless woken. */
async function runRound(work: Work, ring: () => void): Promise<number> {
  const { db, sends, lookUps, codesInFlight } = work;
  const now = new Date();
  await releaseUnsent(db, now);

  const lookUpRoom = lookUpCapacity - lookUps.size;
  for (const claimed of lookUpRoom > 0
    ? await claimLookUps(db, work.provider, { now, limit: lookUpRoom })
    : []) {
    track(work, lookUps, claimed, lookUp(work, claimed), ring);
  }

  const room = capacity - sends.size;
  const roomForOthers = Math.min(room, capacityOfOthers - (sends.size - codesInFlight.count));
  const { claimed, retryInMs } = await claimSends(work, { now, room, roomForOthers });
  for (const each of claimed) {
    const isCode = each.message.purpose === 'verification';
    if (isCode) codesInFlight.count += 1;
    const task = sendClaimed(work, each).finally(() => {
      if (isCode) codesInFlight.count -= 1;
    });
    track(work, sends, each, task, ring);
  }
  if (retryInMs !== null) return Math.min(pollMs, retryInMs);
  if (claimed.length > 0) return 0;
  const dueInMs = (await readNextDue(db, new Date())) ?? pollMs;
  // What is due already is in other hands or beyond our room; whichever ends first rings.
  return Math.min(pollMs, dueInMs > 0 ? Math.ceil(dueInMs) : busyRestMs);
}

function track(
  work: Work,
  inFlight: Map<string, Promise<void>>,
  claimed: Claimed,
  task: Promise<void>,
  ring: () => void,
): void {
  const { message } = claimed;
  const settled = task
    .catch(async (error: unknown) => {
      // Where this does not help, the lease runs out, and the text is sent anew or looked up as its state says.
      work.log.error('sms_work_failed', { message: message.id, error });
      await delay(failureRestMs);
      await releaseUncalled(work.db, claimed).catch(() => undefined);
    })
    .finally(() => {
      inFlight.delete(message.id);
      ring();
    });
  inFlight.set(message.id, settled);
}

/** Takes one claimed text from the gates to its recorded outcome. */
async function sendClaimed(work: Work, claimed: Claimed): Promise<void> {
  const { db, env, provider, log } = work;
  const { message, lease } = claimed;
  const now = new Date();
  const gate = await askGates(db, message, { now, env });
  if (gate.answer !== 'send') {
    await returnSlot(work, claimed);
    if (gate.answer === 'refuse') {
      const { status, reason, details } = gate;
      await recordEnd(work, claimed, { status, reason, details });
    } else {
      if (!gate.suitsAll) log.warn('quiet_hours_suit_no_zone', { message: message.id });
      await recordWait(db, claimed, { until: gate.until, reason: gate.reason, details: gate.details });
    }
    return;
  }

  const reserved = await reserveSpend(db, {
    messageId: message.id,
    userId: message.userId,
    leaseUntil: lease,
    priceMicros: estimatePriceMicros(gate.body, env.smsPricePerSegmentMicros),
    segments: countSegments(gate.body),
    budget: { perUserMicros: env.smsDailyBudgetPerUserMicros, totalMicros: env.smsDailyBudgetMicros },
    now,
  });
  if (!reserved.ok) {
    await returnSlot(work, claimed);
    if (reserved.reason === 'budget') await recordOverBudget(work, claimed, reserved);
    return;
  }

  const attempt = message.attempts + 1;
  const start = await waitForStart(work, claimed);
  if (start.when === 'late') {
    log.warn('sms_place_missed', { message: message.id, attempt });
    await recordWait(db, claimed, { until: new Date(), reason: message.reason, details: null });
    return;
  }
  if (start.when === 'never') {
    await recordEnd(work, claimed, { status: 'failed', reason: 'stopped', details: start.details });
    return;
  }
  const startedAt = new Date();
  const outcome = await provider.sendText({
    to: message.phone,
    body: gate.body,
    purpose: message.purpose,
    messageId: message.id,
    validitySeconds: gate.validitySeconds,
    riskCheck: message.purpose === 'verification',
  });
  // The outcome is known to nobody else, so a database that is just restarting gets a few chances to hear it.
  for (let tries = 1; ; tries += 1) {
    try {
      await recordOutcome(work, claimed, { outcome, attempt, startedAt });
      return;
    } catch (error) {
      if (tries === 5) throw error;
      log.warn('sms_record_retried', { message: message.id, error });
      await delay(300 * tries);
    }
  }
}

async function returnSlot({ db, env, provider }: Work, { slot }: Claimed): Promise<void> {
  const messagesPerSecond = env.smsMessagesPerSecond;
  if (slot === null || messagesPerSecond === null) return;
  await giveBackSlot(db, { sender: provider.sender, messagesPerSecond, slot });
}

/**
 * Waits for the claimed place in the sender's pace, and asks there once more for a STOP, which may have come since the
 * gates were asked: `never`. A place that has passed by more than the tolerance is never used, since the next one may
 * follow too closely: another is taken. `late` when that takes too long.
 */
async function waitForStart(
  { db, env, provider }: Work,
  { message, slot: first, askedAtMs }: Claimed,
): Promise<{ when: 'now' | 'late' } | { when: 'never'; details: MessageDetails }> {
  const messagesPerSecond = env.smsMessagesPerSecond;
  let slot = first;
  let askedMs = askedAtMs;
  let checkedAtMs = -Infinity;
  while (performance.now() - askedAtMs < callByMs) {
    const startMs = slot === null ? performance.now() : askedMs + slot.waitMs;
    // The database said its "now" at some moment between the question and its answer: waiting from the answer on, and
    // measuring lateness from the question on, errs on the safe side of both.
    const goMs = slot === null ? startMs : startMs + slotToleranceMs / 3;
    if (checkedAtMs < goMs - stopCheckHoldsMs) {
      await waitUntil(goMs - stopCheckMs);
      const stop = explainStop(await readNumber(db, message.phone));
      if (stop !== null) return { when: 'never', details: stop };
      checkedAtMs = performance.now();
    }
    await waitUntil(goMs);
    if (slot === null || messagesPerSecond === null) return { when: 'now' };
    if (performance.now() - startMs <= slotToleranceMs) return { when: 'now' };
    askedMs = performance.now();
    slot = (await takeSlots(db, { sender: provider.sender, messagesPerSecond, count: 1 }))[0]!;
  }
  return { when: 'late' };
}

async function waitUntil(momentMs: number): Promise<void> {
  const restMs = momentMs - performance.now();
  if (restMs > 0) await delay(restMs);
}
