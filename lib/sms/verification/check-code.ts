import type { Db, Tx } from '@/db/client';
import type { VerificationPurpose } from '@/db/schema/sms';
import { lockUsers } from '@/lib/accounts/lock-users';
import { mustHoldSecondFactor } from '@/lib/accounts/users';
import { networkOf } from '@/lib/client-address';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { limits } from '@/lib/rate-limits/limits';
import { markAddress } from '@/lib/sms/capacity/asked-from';
import { lockNumbers, readFailures } from '@/lib/sms/numbers/number';
import { nameStranger, isUsedUpByOthers } from '@/lib/sms/numbers/subjects';
import { decideGuess, applyProof } from './activation';
import { readLastChallenge, isCodeOfEarlier, isOpen, codesOf, type Challenge } from './challenge';
import { normalizeCode, codeMatches } from './code';
import { logVerification } from './verification-log';
import { applyProtectedProof } from './protected-number';
import { isStillHere, type Prover, type ProverHere } from './prover';

export type CheckRefusal =
  | { reason: 'not_a_code' }
  /** `ofEarlierText`: it was right before a newer code was asked for. */
  | { reason: 'wrong_code'; triesLeft: number; ofEarlierText: boolean }
  | { reason: 'no_challenge' | 'expired' | 'tries_spent' }
  /** `byOthers`: others than this account entered wrong codes, too. */
  | { reason: 'number_locked'; retryAt: Date; byOthers?: boolean }
  | { reason: 'too_many_requests'; retryAt: Date };

/**
 * Checks a code. Right: the challenge is consumed, the number is this person's, and a pending account is open, with a
 * login grant for this browser (null when someone is signed in already). Wrong: one try is spent. A right code for a number
 * that is another account's second factor leaves it there (`proven` false): the account opens without a phone.
 *
 * Whatever runs beside it, one conditional UPDATE decides, so that a code is right at most once and each of its five
 * tries is spent at most once (NIST SP 800-63B-4 §3.2.2, OWASP ASVS 5.0 6.5.1). Fifteen wrong codes in a day close the
 * number for the challenge's class, over all challenges and accounts. A right one counts only while what the prover was read from
 * is there still.
 */
export async function checkCode(
  db: Db,
  prover: ProverHere,
  given: string,
  context: RequestContext,
): Promise<{ ok: true; grant: string | null; proven: boolean } | ({ ok: false } & CheckRefusal)> {
  const { now } = context;
  const code = normalizeCode(given);
  if (code === null) return { ok: false, reason: 'not_a_code' };
  const coarse = await takeAddressHit(db, 'check', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };

  const challenge = prover.lastChallenge ?? (await readLastChallenge(db, prover.userId, now));
  if (!challenge || challenge.purpose !== prover.purpose || !isOpen(challenge, now)) {
    return refuseCheck(db, prover, challenge, context);
  }
  const right = codeMatches(code, codesOf(challenge));

  return db.transaction(async (tx) => {
    const earlierPhone = prover.changesFrom ?? prover.phone;
    const numbers = await lockNumbers(tx, right ? [challenge.phone, earlierPhone] : [challenge.phone]);
    const number = numbers.get(challenge.phone)!;
    const { sendClass } = challenge;
    const stranger =
      sendClass === 'prove' ? nameStranger(challenge.phone, prover.userId, networkOf(context.address)) : null;
    const failures = readFailures(number, sendClass, now);
    if (failures.retryAt !== null) {
      await logRefusal(tx, prover, challenge, 'number_locked', context);
      const byOthers = stranger !== null && isUsedUpByOthers(number, { act: 'failure', ...stranger }, now);
      const refusal = { reason: 'number_locked', retryAt: failures.retryAt } as const;
      return { ok: false as const, ...refusal, ...(byOthers && { byOthers }) };
    }
    const holder = number.holderUserId;
    if (right) {
      await lockUsers(tx, holder === null ? [prover.userId] : [prover.userId, holder]);
      if (!(await isStillHere(tx, prover, now))) return refuseCheck(tx, prover, null, context);
    }
    const keepHolder =
      holder !== null && holder !== prover.userId && (await mustHoldSecondFactor(tx, holder));
    const maxTries = limits.wrongTriesPerChallenge;
    const decision = await decideGuess(
      tx,
      { challenge, number, stranger, right, keepHolder, maxTries },
      context,
    );
    if (decision === null)
      return refuseCheck(tx, prover, await readLastChallenge(tx, prover.userId, now), context);
    if (!decision.right) {
      const triesLeft = Math.min(decision.triesLeft, failures.remaining - 1);
      const ofEarlierText = await isCodeOfEarlier(tx, challenge, code);
      return { ok: false as const, reason: 'wrong_code' as const, triesLeft, ofEarlierText };
    }
    const { grant } = keepHolder
      ? await applyProtectedProof(tx, { challenge, holderUserId: holder }, context)
      : await applyProof(
          tx,
          { challenge, number, earlierPhone, wantsUpdates: decision.wantsUpdates },
          context,
        );
    return { ok: true as const, grant, proven: !keepHolder };
  });
}

/** Says and logs why a challenge that is not open hears no code. */
async function refuseCheck(
  tx: Db | Tx,
  prover: Prover,
  challenge: Challenge | null,
  context: RequestContext,
): Promise<{ ok: false } & CheckRefusal> {
  const reason = explainClosed(challenge, prover.purpose, context.now);
  await logRefusal(tx, prover, challenge, reason, context);
  return { ok: false, reason };
}

function explainClosed(
  challenge: Challenge | null,
  purpose: VerificationPurpose,
  now: Date,
): 'no_challenge' | 'expired' | 'tries_spent' {
  if (!challenge || challenge.purpose !== purpose || challenge.consumedAt) return 'no_challenge';
  if (challenge.wrongTries >= limits.wrongTriesPerChallenge) return 'tries_spent';
  const isOver = challenge.endedAt === null ? !isOpen(challenge, now) : challenge.endedBy === 'expired';
  return isOver || challenge.expiresAt <= now ? 'expired' : 'no_challenge';
}

async function logRefusal(
  tx: Db | Tx,
  prover: Prover,
  challenge: Challenge | null,
  reason: string,
  context: RequestContext,
): Promise<void> {
  const about = {
    userId: prover.userId,
    phone: challenge?.phone ?? prover.phone,
    challengeId: challenge?.id,
    reason,
    network: markAddress(env().authSecrets[0], context.address).network,
  };
  await logVerification(tx, 'check_refused', about, context);
}
