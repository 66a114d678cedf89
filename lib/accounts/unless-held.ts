import { isLockTimeout } from '@/db/database-fault';

/** Others were changing the same account, its number, or the same application, for as long as a statement waits for a lock. */
export type Busy = { reason: 'busy' };

/** Makes a change that waits for its turn, in a transaction of its own. `busy`: its turn did not come, and nothing was changed. */
export async function unlessHeld<Answer>(
  change: () => Promise<Answer>,
): Promise<Answer | ({ ok: false } & Busy)> {
  try {
    return await change();
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    return { ok: false, reason: 'busy' };
  }
}
