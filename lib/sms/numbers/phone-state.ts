import type { Db } from '@/db/client';
import { readNumber } from './number';

/**
 * How far a person's number is theirs. `verified`: they proved it and nobody else has since; `moved`: someone else has.
 * `stopped`: the number opted out of texts.
 */
export async function readPhoneState(
  db: Db,
  user: { userId: string; phone: string | null; phoneMovedAt: Date | null },
): Promise<{ state: 'none' | 'unverified' | 'verified' | 'moved'; stopped: boolean }> {
  if (user.phone === null) return { state: 'none', stopped: false };
  const number = await readNumber(db, user.phone);
  const stopped = number?.suppressedAt != null;
  if (number?.holderUserId === user.userId) return { state: 'verified', stopped };
  return { state: user.phoneMovedAt ? 'moved' : 'unverified', stopped };
}
