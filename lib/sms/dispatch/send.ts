import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { isDatabaseFault, isLockTimeout, isStatementTimeout } from '@/db/database-fault';
import { fewAtOnce } from '@/lib/few-at-once';
import { newId } from '@/lib/random';
import { recordAcceptedTogether, type Aside, type RecordAccepted } from './accepted';
import { reserveSpend } from '@/lib/sms/capacity/budget';
import type { Held, HeldText, Work } from './claim';
import { readPolicyFacts, type PolicyFacts } from './send-policy-facts';
import { wantSpend } from './want-spend';
import { explainStop, applySendPolicy, type PolicyAnswer } from './send-policy';
import { readNumber } from '@/lib/sms/numbers/number';
import {
  letGo,
  putBack,
  recordEnd,
  recordFault,
  recordOutcome,
  recordOverBudget,
  recordWait,
} from './outcome';
import { releaseSlots, slotHorizonMs, slotToleranceMs, takeSlots } from '@/lib/sms/capacity/send-rate';
import { paceOf } from '@/lib/sms/senders/sender';

/** What was read about a number is believed for so long; then it is asked once more whether a STOP has come. */
const stopBelievedMs = 50;

/** A database that is too slow for that is not asked again for a place that comes this soon after the last answer. */
const stopCheckHoldsMs = 1_500;

/** No call starts later than this after its claim, so that an expired lease is late enough for the look-up too. */
const callByMs = 3_000;

/**
 * What the send policy asks takes a few milliseconds. What takes longer than this is in the way of others; together with a
 * look at each alone it is well within the lease.
 */
const factsWithinMs = 2_000;

/** Texts that are looked at alone, at a time: the pool has ten connections. */
const aloneAtOnce = 4;

/**
 * Where someone holds the row of the sender, or a sum, no text can go. That is the fault of none of them, so all come again this
 * soon.
 */
const heldAgainMs = 2_000;

/** Records that may wait for a lock that someone else holds, at a time. */
const waitingAtOnce = 4;

/** Reservations of a process at a time: those of all processes pass one after another, so more would only take connections. */
const reservingAtOnce = 2;

/** How long things take lately, in ms, so that a place in the pace is taken for when it can be used. */
export type Pacing = {
  /** From the question for a slot until the call can start. */
  leadMs: number;
  /** What it takes to ask for a STOP. */
  stopCheckMs: number;
};

/** What sending works with. */
export type Sending = Work & {
  pacing: Pacing;
  recordAccepted: RecordAccepted;
  /** Runs what reserves, a few at a time. */
  reserving: Aside;
  /** Of the connections of a process, few are taken by records that wait for a lock: claiming needs the others. */
  aside: Aside;
};

export function startSending(work: Work): Sending {
  const pacing = { leadMs: 3, stopCheckMs: 5 };
  const aside = fewAtOnce(waitingAtOnce);
  const recordAccepted = recordAcceptedTogether(work, aside);
  return { ...work, pacing, recordAccepted, aside, reserving: fewAtOnce(reservingAtOnce) };
}

type Send = Extract<PolicyAnswer, { answer: 'send' }>;
/**
 * Has what became of a text recorded while the others go on: it may have to wait for a lock that someone else holds. The
 * text is out of hand when that is done.
 */
type RecordAside = (held: Held, run: () => Promise<unknown>) => void;
type Ready = { facts: PolicyFacts; held: Held; decision: Send };

/** When a text may start. */
type Place = {
  /** When the reservation looked whether a STOP has come, by this process's ticks. */
  stopCheckedMs: number;
  slot: PlacedSlot | null;
};

/** A place in the pace by the database's clock, and when it was asked for by this process's ticks. */
type PlacedSlot = { atMs: number; askedMs: number };

/**
 * Takes claimed texts from the send policy to their recorded outcomes. It is asked about all of them at once, then one
 * short transaction reserves the prices and takes the places in the sender's pace, then each is called for. Whatever is
 * thrown about one text is an attempt of that text, and touches no other.
 *
 * @param settled is called for each text as soon as it is out of hand
 * @param placed is called once, when the places in the pace are taken
 */
export async function sendClaimed(
  work: Sending,
  claimed: readonly Held[],
  { wasStopped, settled, placed }: { wasStopped: boolean; settled: (held: Held) => void; placed: () => void },
): Promise<void> {
  const claimedMs = performance.now();
  const records: Promise<void>[] = [];
  const record: RecordAside = (held, run) => {
    records.push(guard(work, held, () => work.aside(run)).then(() => settled(held)));
  };
  const facts = await readFacts(work, claimed);
  const ready: Ready[] = [];
  for (const held of claimed) {
    const known = facts.get(held.id);
    // Gone, or it could not be read, which is recorded already.
    if (known === undefined) settled(held);
    else await askPolicy(work, held, known, { ready, record });
  }
  const places =
    ready.length === 0
      ? new Map<string, Place>()
      : await reserve(work, ready, { record, askedMs: claimedMs });
  placed();
  await Promise.all(
    ready.map(async (text) => {
      const { held } = text;
      const place = places.get(held.id);
      if (place === undefined) return;
      const waits = () => settled(held);
      await guard(work, held, () => call(work, text, { place, claimedMs, wasStopped, waits }));
      settled(held);
    }),
  );
  await Promise.all(records);
}

/** Runs what concerns one text; where it fails, that is recorded. */
async function guard(work: Sending, held: Held, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    // Where the database cannot even take this in, the lease runs out, and the text is taken up again.
    await work
      .aside(() => recordFault(work, held, error))
      .catch((fault: unknown) => work.log.error('sms_work_failed', { message: held.id, error: fault }));
  }
}

/**
 * Reads what the send policy asks. One bad row must not keep the others from being read: where that fails, or takes too
 * long, each is read alone. One that takes too long alone too is at fault itself, if the database answers about another one
 * or about none: else it is the database that is slow.
 */
export async function readFacts(work: Sending, claimed: readonly Held[]): Promise<Map<string, PolicyFacts>> {
  const ids = claimed.map(({ id }) => id);
  try {
    return await withinPatience(readPolicyFacts(work.db, ids));
  } catch (error) {
    work.log.warn('sms_facts_read_one_by_one', { error });
    const facts = new Map<string, PolicyFacts>();
    const slow: { held: Held; error: unknown }[] = [];
    const inTurn = fewAtOnce(aloneAtOnce);
    const readOne = async (held: Held) => {
      const one = await readAlone(work, held.id).catch((fault: unknown) => {
        if (!isStatementTimeout(fault)) throw fault;
        slow.push({ held, error: fault });
        return null;
      });
      if (one) facts.set(held.id, one);
    };
    await Promise.all(claimed.map((held) => inTurn(() => guard(work, held, () => readOne(held)))));
    if (slow.length === 0) return facts;
    const isDatabaseWell = facts.size > 0 || (await isAnswered(work));
    for (const { held, error: fault } of slow) {
      const own = new Error('The database answers, but not about this text');
      await guard(work, held, () => Promise.reject(isDatabaseWell ? own : (fault as Error)));
    }
    return facts;
  }
}

/** The statement is left to its end, which is that of the longest a statement may take: to cut it off would cost each claim more. */
async function withinPatience<Answer>(answer: Promise<Answer>): Promise<Answer> {
  const patience = new AbortController();
  try {
    return await Promise.race([
      answer,
      delay(factsWithinMs, null, patience).then(() => Promise.reject(new Error('Too slow'))),
    ]);
  } finally {
    answer.catch(() => undefined);
    patience.abort();
  }
}

async function readAlone({ db }: Work, id: string): Promise<PolicyFacts | null> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('statement_timeout', ${`${factsWithinMs}ms`}, true)`);
    return (await readPolicyFacts(tx, [id])).get(id) ?? null;
  });
}

/** Whether the same question about a text that does not exist is answered in time. */
async function isAnswered(work: Work): Promise<boolean> {
  return readAlone(work, newId()).then(
    () => true,
    () => false,
  );
}

/** Asks the send policy about one text, which is then among those that are ready, or has its no recorded. */
async function askPolicy(
  work: Work,
  held: Held,
  facts: PolicyFacts,
  { ready, record }: { ready: Ready[]; record: RecordAside },
): Promise<void> {
  const { message } = facts;
  try {
    const decision = await applySendPolicy(facts, { now: held.clock(), env: work.env });
    if (decision.answer === 'send') ready.push({ facts, held, decision });
    else record(held, () => recordNo(work, { held, message }, decision));
  } catch (error) {
    record(held, () => Promise.reject(error as Error));
  }
}

async function recordNo(work: Work, text: HeldText, decision: Exclude<PolicyAnswer, Send>): Promise<void> {
  if (decision.answer === 'refuse') {
    const { status, reason, details } = decision;
    await recordEnd(work, text, { status, reason, details });
    return;
  }
  if (!decision.suitsAll) work.log.warn('quiet_hours_suit_no_zone', { message: text.message.id });
  await recordWait(work.db, text, {
    until: decision.until,
    reason: decision.reason,
    details: decision.details,
  });
}

/** Reserves for all that the send policy, asked at `askedMs`, let through. Out: the places of those that may be called for now. */
async function reserve(
  work: Sending,
  ready: readonly Ready[],
  given: { record: RecordAside; askedMs: number },
): Promise<Map<string, Place>> {
  const { env, log } = work;
  const { record, askedMs } = given;
  const places = new Map<string, Place>();
  const { lease, clock } = ready[0]!.held;
  const now = clock();
  let reserved: Awaited<ReturnType<typeof reserveSpend>>;
  try {
    const wanted = ready.map(({ facts, decision }) => wantSpend(facts, decision.body, env));
    reserved = await work.reserving(() =>
      reserveSpend(work.db, { texts: wanted, role: work.role, lease, now }, (tx, ids) =>
        takePlaces(work, tx, ids, { places, ready, askedMs }),
      ),
    );
  } catch (error) {
    places.clear();
    if (isLockTimeout(error)) {
      log.warn('sms_budget_or_sender_held', { texts: ready.length });
      const sendAfter = new Date(now.getTime() + heldAgainMs);
      for (const { held } of ready) record(held, () => putBack(work.db, held, { sendAfter }));
    } else if (isDatabaseFault(error)) {
      for (const { held } of ready) record(held, () => Promise.reject(error as Error));
    } else if (ready.length > 1) {
      // One of them may be what cannot be reserved for.
      for (const one of ready) {
        for (const [id, place] of await reserve(work, [one], given)) places.set(id, place);
      }
    } else {
      record(ready[0]!.held, () => Promise.reject(error as Error));
    }
    return places;
  }
  for (const { facts, held } of ready) {
    const answer = reserved.get(held.id)!;
    if (answer.ok && places.has(held.id)) continue;
    record(held, async () => {
      if (answer.ok) log.debug('sms_place_out_of_reach', { message: held.id });
      else if (answer.reason === 'budget')
        await recordOverBudget(work, { held, message: facts.message }, answer);
      else await endOrAskAgain(work, { held, message: facts.message });
    });
  }
  return places;
}

/** A text that was not reserved for: its number has opted out meanwhile, or someone held its row just then. */
async function endOrAskAgain(work: Work, text: HeldText): Promise<void> {
  const { phone, purpose } = text.message;
  const stop = explainStop(await readNumber(work.db, phone), purpose, work.env);
  if (stop !== null) await recordEnd(work, text, { status: 'failed', reason: 'stopped', details: stop });
  else await putBack(work.db, text.held, { sendAfter: text.held.clock() });
}

/**
 * Takes a place in the pace for each text that was reserved for. Where another process has taken those within reach
 * meanwhile, a text goes back to where it was, so that a code which is asked for in between is not behind it.
 */
async function takePlaces(
  work: Sending,
  tx: Tx,
  ids: readonly string[],
  { places, ready, askedMs }: { places: Map<string, Place>; ready: readonly Ready[]; askedMs: number },
): Promise<void> {
  const { env, provider, pacing } = work;
  const messagesPerSecond = paceOf(env, work.role);
  // The reservation looked for a STOP that blocks the sender. One to the other sender may have ended consent to codes meanwhile.
  const stopCheckedMs = work.role === 'codes' ? askedMs : performance.now();
  if (messagesPerSecond === null || ids.length === 0) {
    for (const id of ids) places.set(id, { stopCheckedMs, slot: null });
    return;
  }
  const { sender } = provider;
  const { leadMs } = pacing;
  const { slots, nowMs } = await askForSlots(work, tx, {
    sender,
    messagesPerSecond,
    count: ids.length,
    leadMs,
  });
  const reachMs = 2 * slotHorizonMs + leadMs;
  const inReach = slots.filter(({ atMs }) => atMs - nowMs <= reachMs).length;
  ids.slice(0, inReach).forEach((id, index) => {
    places.set(id, { stopCheckedMs, slot: slots[index]! });
  });
  const beyond = ids.slice(inReach);
  if (beyond.length === 0) return;
  await releaseSlots(tx, { sender, messagesPerSecond, count: beyond.length });
  for (const { held, facts } of ready) {
    if (!beyond.includes(held.id)) continue;
    await letGo(tx, held, { status: 'queued', attempts: facts.message.attempts });
  }
}

/** Takes slots, and learns from the answer how the database's clock stands. */
async function askForSlots(
  { paceClock }: Work,
  tx: Tx | Db,
  wanted: Parameters<typeof takeSlots>[1],
): Promise<{ slots: PlacedSlot[]; nowMs: number }> {
  const askedMs = performance.now();
  const { atMs, nowMs } = await takeSlots(tx, wanted);
  paceClock.learn({ databaseMs: nowMs, askedMs, answeredMs: performance.now() });
  return { slots: atMs.map((each) => ({ atMs: each, askedMs })), nowMs };
}

/**
 * Calls the provider for one text at its place, and records what came of it. `waits` is called where the record has to wait: that
 * takes no place from other texts.
 */
async function call(
  work: Sending,
  { facts, held, decision }: Ready,
  {
    wasStopped,
    waits,
    ...moments
  }: { place: Place; claimedMs: number; wasStopped: boolean; waits: () => void },
): Promise<void> {
  const { provider, log } = work;
  const { message } = facts;
  const attempt = message.attempts + 1;
  const start = await waitForStart(work, { held, ...moments });
  if (start.when === 'late') {
    log.warn('sms_place_missed', { message: message.id, attempt });
    // Nothing was tried.
    await putBack(work.db, held, { sendAfter: held.clock(), attempts: message.attempts });
    return;
  }
  if (start.when === 'never') {
    const { status, reason, details } = start.answer;
    await recordEnd(work, { held, message }, { status, reason, details });
    return;
  }
  const startedAt = held.clock();
  const outcome = await provider.sendText({
    to: message.phone,
    body: decision.body,
    purpose: message.purpose,
    messageId: message.id,
    validitySeconds: decision.validitySeconds,
    riskCheck: message.purpose === 'verification',
  });
  // The outcome is known to nobody else, so a database that is just restarting gets a few chances to hear it.
  for (let tries = 1; ; tries += 1) {
    try {
      const record = () =>
        recordOutcome(work, { held, message }, { outcome, attempt, startedAt, wasStopped });
      // What was accepted is recorded without waiting, and goes aside by itself where it has to.
      await (outcome.outcome === 'accepted' ? record() : work.aside(record));
      return;
    } catch (error) {
      if (tries === 5) throw error;
      log.warn('sms_record_retried', { message: message.id, error });
      waits();
      await delay(300 * tries);
    }
  }
}

type Refusal = Extract<PolicyAnswer, { answer: 'refuse' }>;

/**
 * Waits for a text's place in the pace, and asks the send policy there once more: a STOP may have come since, or texts were turned
 * off, or the account was closed: `never`. Quiet hours that begin in this very moment hold nothing back. A place that has passed by
 * more than the tolerance is never used, since the next one may follow too closely: another is taken. `late` when that takes too
 * long, as it does where the next place is far away, or the text's row is gone.
 */
async function waitForStart(
  work: Sending,
  { held, place, claimedMs }: { held: Held; place: Place; claimedMs: number },
): Promise<{ when: 'now' | 'late' } | { when: 'never'; answer: Refusal }> {
  const { db, env, provider, pacing, paceClock } = work;
  const messagesPerSecond = paceOf(env, work.role);
  const readyMs = performance.now();
  let slot = place.slot;
  let checkedMs = place.stopCheckedMs;
  let believedMs = stopBelievedMs;
  while (performance.now() - claimedMs < callByMs) {
    const goMs = slot ? paceClock.find(slot.atMs).toMs : performance.now();
    // The sender is slow, or the database's clock was set back.
    if (goMs - claimedMs > callByMs) return { when: 'late' };
    const asksAgain = goMs - checkedMs > believedMs;
    if (slot !== null && slot === place.slot) {
      pacing.leadMs = smooth(pacing.leadMs, readyMs - slot.askedMs + (asksAgain ? pacing.stopCheckMs : 0));
    }
    if (asksAgain) {
      await waitUntil(goMs - pacing.stopCheckMs * 1.5 - 2);
      const beganMs = performance.now();
      const facts = (await readPolicyFacts(db, [held.id])).get(held.id);
      // None: its row was removed, and there is nothing to record an end in.
      if (facts === undefined) return { when: 'late' };
      const answer = await applySendPolicy(facts, { now: held.clock(), env });
      if (answer.answer === 'refuse') return { when: 'never', answer };
      checkedMs = performance.now();
      pacing.stopCheckMs = smooth(pacing.stopCheckMs, checkedMs - beganMs);
      believedMs = stopCheckHoldsMs;
    }
    await waitUntil(goMs);
    if (slot === null || messagesPerSecond === null) return { when: 'now' };
    if (performance.now() - paceClock.find(slot.atMs).fromMs <= slotToleranceMs) return { when: 'now' };
    const { sender } = provider;
    const { leadMs } = pacing;
    const inPlaceOf = slot.atMs;
    const asked = { sender, messagesPerSecond, count: 1, leadMs, inPlaceOf };
    slot = (await askForSlots(work, db, asked)).slots[0]!;
  }
  return { when: 'late' };
}

/** What takes longer is believed at once, up to a second; what takes less, little by little. */
function smooth(known: number, measured: number): number {
  return Math.min(1_000, measured > known ? measured : known * 0.9 + measured * 0.1);
}

async function waitUntil(momentMs: number): Promise<void> {
  const restMs = momentMs - performance.now();
  if (restMs > 0) await delay(restMs);
}
