import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { moveApplication, type MoveAnswer, type WantedMove } from './move-application';
import type { Viewer } from './who-sees';

/**
 * Moves an application as one of the operator's people does by hand (`moveApplication`). Each move leads to texts, and to reminders days
 * later, so they are counted: by the mover, and of the application. One who makes moves in a loop neither spends the budget of everyone
 * nor fills the line of notices. Many at once are moves in bulk (lib/bulk), which leave others their share. A move that is refused
 * does not count.
 */
export async function moveByHand(
  db: Db,
  viewer: Viewer,
  wanted: WantedMove,
  context: RequestContext,
): Promise<MoveAnswer | { ok: false; reason: 'too_many_moves'; retryAt: Date }> {
  const hits = await takeHits(
    db,
    [
      { keys: limitKeys('moves_by', [viewer.userId]), rules: limits.movesPerMover },
      { keys: limitKeys('moves_of', [wanted.id]), rules: limits.movesPerApplication },
    ],
    context.now,
  );
  if (!hits.ok) return { ok: false, reason: 'too_many_moves', retryAt: hits.retryAt };
  const moved = await moveApplication(db, viewer, wanted, context);
  if (!moved.ok) await hits.refund();
  return moved;
}
