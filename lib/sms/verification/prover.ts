import type { Role } from '@/db/schema/accounts';
import type { VerificationPurpose } from '@/db/schema/sms';
import { hasConsent } from '@/lib/consent/ledger';
import type { Db, Tx } from '@/db/client';
import type { Challenge } from './challenge';
import { lockUser } from '@/lib/accounts/lock-users';
import { readPending } from '@/lib/accounts/pending';
import { refuseStill } from '@/lib/accounts/refuse-still';
import type { User } from '@/lib/accounts/users';

/** Whose number is being proven: someone pending (`activate`) or someone signed in (`prove`). */
export type Prover = {
  userId: string;
  role: Role;
  phone: string | null;
  purpose: VerificationPurpose;
  /** The proven number that `phone` is to take the place of; it works until then. */
  changesFrom?: string | null;
  /** Their last challenge, where it was read already to find out what they prove. */
  lastChallenge?: Challenge | null;
};

/** A prover with what they were read from: the session of a browser, or the token of its pending cookie. */
export type ProverHere = Prover & { readFrom: { sessionId: string } | { pendingToken: string } };

/** Whether what a prover was read from holds still, for who has locked the person: it may have ended meanwhile. */
export async function isStillHere(tx: Tx, { readFrom }: ProverHere, now: Date): Promise<boolean> {
  return 'sessionId' in readFrom
    ? (await refuseStill(tx, readFrom, { recoveredAt: null }, now)) === null
    : (await readPending(tx, readFrom.pendingToken, now)) !== null;
}

/** Whether this person consents to codes at this number. */
export async function agreedToCodes(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string },
): Promise<boolean> {
  return hasConsent(db, { userId, phone, scope: 'verification' });
}

/** Locks the person. Null: they are not as the journey found them, since someone proved, skipped or changed the number meanwhile. */
export async function lockProver(tx: Tx, prover: Prover): Promise<User | null> {
  const user = await lockUser(tx, prover.userId);
  if (user === null || user.deactivatedAt !== null) return null;
  const pending = user.activatedAt === null;
  const isStill =
    user.phone === (prover.changesFrom ?? prover.phone) && pending === (prover.purpose === 'activate');
  return isStill ? user : null;
}
