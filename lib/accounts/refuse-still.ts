import type { Tx } from '@/db/client';
import { frozenUntil } from './after-recovery';
import { readSession } from './sessions';

/** The password was set without the old one: what its owner would need to come back stays until `retryAt` (`frozenUntil`). */
export type RecoveredLately = { reason: 'recovered_lately'; retryAt: Date };

/**
 * What may have happened to a session while its account was being locked: it is over or opens nothing any more, or the password
 * was reset. Null: nothing. In: the account as it is locked; for what is not frozen after a reset, without `recoveredAt`.
 */
export async function refuseStill(
  tx: Tx,
  { sessionId }: { sessionId: string },
  account: { recoveredAt: Date | null } | null,
  now: Date,
): Promise<{ reason: 'not_open' } | RecoveredLately | null> {
  const session = await readSession(tx, sessionId, now);
  if (session === null || session.standing === 'shut' || account === null) return { reason: 'not_open' };
  const retryAt = frozenUntil(account, now);
  return retryAt === null ? null : { reason: 'recovered_lately', retryAt };
}
