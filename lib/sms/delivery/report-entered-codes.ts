import { databaseNow } from '@/db/clock';
import { fewAtOnce } from '@/lib/few-at-once';
import type { Log } from '@/lib/log';
import { forgetEnteredCodes, takeEnteredCodes, type EnteredCode } from '@/lib/sms/outbox/entered-codes';
import type { Provider } from '@/lib/sms/provider/provider';
import { runProviderRounds, type RoundWork } from '@/lib/sms/provider/provider-rounds';

const everyMs = 5_000;

/** So many codes in one round; where there are more, the next round begins at once. */
const roundCodes = 50;

/** Calls at a time: those that send texts come first. */
const atOnce = 4;

/** The last try comes 42 minutes after the code was entered: what comes later says little about how a text arrived. */
const mostTries = 9;

/**
 * Tells the provider, every few seconds, which codes were entered, so that it learns which of its ways lead to people (Twilio's
 * Message Feedback). Any number of processes may do so at the same time.
 *
 * `stop()` begins no call more and resolves when those under way are over; what was not told yet is told after the next start.
 */
export function runEnteredCodes(options: { log?: (line: string) => void } = {}): { stop(): Promise<void> } {
  return runProviderRounds(
    async (work, signal) => {
      while ((await reportEnteredCodes(work, databaseNow(), signal)) === roundCodes && !signal.aborted);
    },
    { everyMs, onFault: (error, log) => log.warn('sms_feedback_failed', { error }), write: options.log },
  );
}

/**
 * Tells of the codes that are due, each at least once: one whose answer is lost is told again. What the provider refuses for good,
 * and what it did not take in nine tries, is given up. Out: how many were due.
 */
export async function reportEnteredCodes(
  { db, provider, log }: RoundWork,
  now: Date,
  signal?: AbortSignal,
): Promise<number> {
  if (provider.name === 'console') return 0;
  const due = await takeEnteredCodes(db, now, roundCodes);
  const inTurn = fewAtOnce(atOnce);
  const isOver = await Promise.all(
    due.map((code) =>
      inTurn(async () => signal?.aborted !== true && (await report(code, { provider, log }))),
    ),
  );
  await forgetEnteredCodes(
    db,
    due.filter((_, index) => isOver[index]).map(({ challengeId }) => challengeId),
  );
  return due.length;
}

/** Out: whether nothing more is to be told of it. */
async function report(
  { challengeId, sid, tries }: EnteredCode,
  { provider, log }: { provider: Provider; log: Log },
): Promise<boolean> {
  // A text whose call was not answered is found at the provider soon, and then has its SID.
  if (sid === null) return tries >= mostTries;
  const told = await provider.confirmEntry(sid);
  if (told.ok) {
    log.debug('sms_feedback_given', { sid });
    return true;
  }
  if (!told.isFinal && tries < mostTries) return false;
  log.warn('sms_feedback_given_up', { challenge: challengeId, sid, tries, fault: told.fault });
  return true;
}
