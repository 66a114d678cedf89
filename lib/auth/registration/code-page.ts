import type { Db } from '@/db/client';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber } from '@/lib/sms/numbers/number';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { agreedToCodes, type Prover } from '@/lib/sms/verification/prover';
import { deriveVerificationState, readSentCode, type VerificationState } from '@/lib/sms/verification/state';
import { isOptedOut, stopsCodes } from '@/lib/sms/numbers/opted-out';
import { readStarts, type StartWay } from '@/lib/sms/numbers/read-starts';

/**
 * What the code page shows. `verified`: someone signed in has proven the number already, and nothing casts doubt on it; `number`: there is none, or no
 * consent to codes at it, so it has to be typed and agreed to; `code`: how the code is doing, and the zone in which moments
 * are said to the person (null: none is known).
 */
export type CodePage =
  | { shows: 'verified' }
  | { shows: 'number' }
  | {
      shows: 'code';
      phone: string;
      /** It is verified, and is to be verified again. */
      isHeld: boolean;
      state: VerificationState;
      timeZone: string | null;
      /** The STARTs that would let codes go there again. */
      starts: readonly StartWay[];
    };

/**
 * Reads it: five statements, four where `lastChallenge` was read before, one more after a STOP. At most two of them wait for each other, and each row is
 * read once. It has no effect.
 */
export async function readCodePage(
  db: Db,
  { userId, phone, purpose, lastChallenge }: Omit<Prover, 'role' | 'changesFrom'>,
  network: string,
  now: Date,
): Promise<CodePage> {
  if (phone === null) return { shows: 'number' };
  const [{ agreed, number }, sent, preferences] = await Promise.all([
    readStanding(db, { userId, phone }),
    readSentCode(db, { userId, phone, lastChallenge }, now),
    readPreferences(db, userId),
  ]);
  const isHeld = purpose === 'prove' && number?.holderUserId === userId;
  if (isHeld && readDoubt(number) === null) return { shows: 'verified' };
  const isStopped = isOptedOut(number, 'verification');
  if (!agreed && !isStopped) return { shows: 'number' };
  const state = deriveVerificationState({ userId, phone, network, number, ...sent }, now);
  const starts = isStopped ? (await readStarts(db, number)).filter(({ lifts }) => stopsCodes(lifts)) : [];
  return { shows: 'code', phone, isHeld, state, timeZone: preferences?.timeZone ?? null, starts };
}

/** A STOP withdraws consent and marks the number at once: in this order a page that it comes between shows it. */
async function readStanding(db: Db, { userId, phone }: { userId: string; phone: string }) {
  const agreed = await agreedToCodes(db, { userId, phone });
  return { agreed, number: await readNumber(db, phone) };
}
