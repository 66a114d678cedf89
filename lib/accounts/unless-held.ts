import { isLockTimeout } from '@/db/database-fault';

/** Others were changing the same account, or its number, for as long as a statement waits for a lock. */
export type AccountBusy = { reason: 'busy' };

/** Makes a change of an account, in a transaction of its own. `busy`: its turn did not come, and nothing was changed. */
export async function unlessHeld<Answer>(
  change: () => Promise<Answer>,
): Promise<Answer | ({ ok: false } & AccountBusy)> {
  try {
    return await change();
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    return { ok: false, reason: 'busy' };
  }
}
