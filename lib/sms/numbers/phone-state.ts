import type { Db, Tx } from '@/db/client';
import { readDoubt, type Doubt } from './doubt';
import { readNumber, type NumberRow } from './number';
import { findStopped, type StoppedTexts } from './opted-out';

export type PhoneStatus = {
  state: 'none' | 'unverified' | 'verified' | 'moved';
  /** Which texts the number has opted out of; null: of none. */
  stopped: StoppedTexts | null;
  /** Only of one that is `verified`: why updates wait until it is verified again; null: they do not. */
  doubt: Doubt | null;
};

type Owner = { userId: string; phone: string | null; phoneMovedAt: Date | null };

/**
 * How far a person's number is theirs. `verified`: they proved it and nobody else has since; `moved`: someone else has.
 */
export async function readPhoneState(db: Db | Tx, user: Owner): Promise<PhoneStatus> {
  return judgePhone(user, user.phone === null ? null : await readNumber(db, user.phone));
}

/** The same, pure: what follows from the row of their number. */
export function judgePhone(user: Owner, number: NumberRow | null): PhoneStatus {
  if (user.phone === null) return { state: 'none', stopped: null, doubt: null };
  const stopped = findStopped(number);
  if (number?.holderUserId === user.userId) return { state: 'verified', stopped, doubt: readDoubt(number) };
  return { state: user.phoneMovedAt ? 'moved' : 'unverified', stopped, doubt: null };
}
