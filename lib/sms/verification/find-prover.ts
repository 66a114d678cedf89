import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { readLastChallenge } from './challenge';
import { judgePhoneChange } from './change-phone';
import type { ProverHere } from './prover';

/**
 * What someone who is signed in is proving: the new number of a change that waits for its code, else their own number. One
 * read, which the code page uses again (`lastChallenge`).
 */
export async function findSignedInProver(
  db: Db,
  { userId, sessionId, role, phone }: { userId: string; sessionId: string; role: Role; phone: string | null },
  now: Date,
): Promise<ProverHere> {
  const prover = { userId, role, purpose: 'prove' as const, readFrom: { sessionId } };
  if (phone === null) return { ...prover, phone };
  const lastChallenge = await readLastChallenge(db, userId, now);
  const change = judgePhoneChange(lastChallenge, phone, now);
  return change === null
    ? { ...prover, phone, lastChallenge }
    : { ...prover, phone: change.phone, changesFrom: phone, lastChallenge };
}
