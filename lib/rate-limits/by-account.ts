import type { Db } from '@/db/client';
import { limitKeys, peekHits, takeHits, type LimitEntry } from './hits';
import { limits } from './limits';

/** What is counted apart, so that whoever borrows an open browser cannot spend what takes a password. */
export type SettingsKind =
  'preferences' | 'phone' | 'password' | 'factors' | 'export' | 'application' | 'name';

/** Whether one more change may be written down; `refund` when nothing was after all. */
export type SettingsHit = { ok: true; refund: () => Promise<void> } | { ok: false; retryAt: Date };

/** Why a change was not made, and when the next one is allowed. */
export type TooManyChanges = { reason: 'too_many_changes'; retryAt: Date };

/**
 * Counts one change that an account makes to its settings, of any that leaves a row for good. Taken before the change's own
 * transaction, in one of its own, so that no lock waits for another.
 */
export async function takeSettingsHit(
  db: Db,
  change: { userId: string; kind: SettingsKind },
  now: Date,
): Promise<SettingsHit> {
  return takeHits(db, [entryOf(change)], now);
}

/** When the next change is allowed, without counting one: for words. Null: it is now. */
export async function peekSettingsRetry(
  db: Db,
  change: { userId: string; kind: SettingsKind },
  now: Date,
): Promise<Date | null> {
  const { count, thenAt } = await peekHits(db, [entryOf(change)], now);
  return count > 0 ? null : thenAt;
}

function entryOf({ userId, kind }: { userId: string; kind: SettingsKind }): LimitEntry {
  const keys = limitKeys('settings', [kind, userId]);
  const rules = kind === 'name' ? limits.namesPerAccount : limits.settingsPerAccount;
  return { keys, rules };
}
