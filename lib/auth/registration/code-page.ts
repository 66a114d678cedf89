import type { Db } from '@/db/client';
import { readStopSender } from '@/lib/consent/opt-out-ledger';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber } from '@/lib/sms/numbers/number';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { agreedToCodes, type Prover } from '@/lib/sms/verification/prover';
import { deriveVerificationState, readSentCode, type VerificationState } from '@/lib/sms/verification/state';

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
      /** What the number's last STOP was sent to, as the ledger has it; null: it is not stopped, or nothing is known. */
      stopSender: string | null;
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
  if (!agreed && number?.suppressedAt == null) return { shows: 'number' };
  const state = deriveVerificationState({ userId, phone, network, number, ...sent }, now);
  const stopSender = number?.suppressedAt == null ? null : await readStopSender(db, phone);
  return { shows: 'code', phone, isHeld, state, timeZone: preferences?.timeZone ?? null, stopSender };
}

/** A STOP withdraws consent and marks the number at once: in this order a page that it comes between shows it. */
async function readStanding(db: Db, { userId, phone }: { userId: string; phone: string }) {
  const agreed = await agreedToCodes(db, { userId, phone });
  return { agreed, number: await readNumber(db, phone) };
}
