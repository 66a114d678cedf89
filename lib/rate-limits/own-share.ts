import type { Db } from '@/db/client';
import { takeHits, type LimitEntry } from './hits';

/**
 * Counts a hit against the share of who is known to be the owner (`own`; null: nobody is), and where that is spent, or there is
 * none, against the one that strangers spend, too. Out: as `takeHits`, with whose share it was; a refusal names the sooner moment.
 */
export async function takeOwnOrShared(
  db: Db,
  { own, shared }: { own: readonly LimitEntry[] | null; shared: readonly LimitEntry[] },
  now: Date,
): Promise<{ ok: true; isOwn: boolean; refund: () => Promise<void> } | { ok: false; retryAt: Date }> {
  const ofOwn = own && (await takeHits(db, own, now));
  if (ofOwn?.ok) return { ok: true, isOwn: true, refund: ofOwn.refund };
  const asOthers = await takeHits(db, shared, now);
  if (asOthers.ok) return { ok: true, isOwn: false, refund: asOthers.refund };
  const sooner = ofOwn !== null && ofOwn.retryAt < asOthers.retryAt ? ofOwn : asOthers;
  return { ok: false, retryAt: sooner.retryAt };
}
