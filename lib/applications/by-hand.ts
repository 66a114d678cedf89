import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import type { WindowRule } from '@/lib/rate-limits/sliding-window';
import { addNote, assignApplication } from './add-to-timeline';
import { findApplication } from './application';
import { moveApplication, type MoveAnswer, type WantedMove } from './move-application';
import type { Viewer } from './who-sees';

/** Very many were made by one person, or with one application. */
export type TooManyByHand = { ok: false; reason: 'too_many'; retryAt: Date };

type Rules = { by: readonly WindowRule[]; of: readonly WindowRule[] };

/**
 * What the operator's people do with an application by hand is counted: by the person, and of the application. Each move leads to
 * texts, and to reminders days later, so one who makes moves in a loop neither spends the budget of everyone nor fills the line of
 * notices. Each note and each change of assignee stays in a timeline that others read. Many moves at once are moves in bulk (lib/bulk),
 * which leave others their share. Brokers have a count of an application apart from staff and admins, so that they keep nobody from
 * deciding. What is refused, or fails, does not count.
 */
async function count<Answer extends { ok: boolean }>(
  db: Db,
  viewer: Viewer,
  { what, id, rules }: { what: 'moves' | 'notes'; id: string; rules: Rules },
  now: Date,
  act: () => Promise<Answer>,
): Promise<Answer | TooManyByHand | { ok: false; reason: 'not_found' }> {
  // Nobody counts with what they do not see, and an id has one spelling.
  if ((await findApplication(db, viewer, id)) === null) return { ok: false, reason: 'not_found' };
  const side = viewer.role === 'broker' ? 'broker' : 'operator';
  const hits = await takeHits(
    db,
    [
      { keys: limitKeys(`${what}_by`, [viewer.userId]), rules: rules.by },
      { keys: limitKeys(`${what}_of`, [side, id.toLowerCase()]), rules: rules.of },
    ],
    now,
  );
  if (!hits.ok) return { ok: false, reason: 'too_many', retryAt: hits.retryAt };
  try {
    const answer = await act();
    if (!answer.ok) await hits.refund();
    return answer;
  } catch (error) {
    await hits.refund().catch(() => undefined);
    throw error;
  }
}

const moveRules: Rules = { by: limits.movesPerMover, of: limits.movesPerApplication };
const noteRules: Rules = { by: limits.notesPerWriter, of: limits.notesPerApplication };

/** Moves an application (`moveApplication`), counted. */
export function moveByHand(
  db: Db,
  viewer: Viewer,
  wanted: WantedMove,
  context: RequestContext,
): Promise<MoveAnswer | TooManyByHand> {
  const counted = { what: 'moves', id: wanted.id, rules: moveRules } as const;
  return count(db, viewer, counted, context.now, () => moveApplication(db, viewer, wanted, context));
}

/** Writes a note (`addNote`), counted. */
export function noteByHand(
  db: Db,
  viewer: Viewer,
  written: Parameters<typeof addNote>[2],
  context: RequestContext,
): Promise<Awaited<ReturnType<typeof addNote>> | TooManyByHand> {
  const counted = { what: 'notes', id: written.id, rules: noteRules } as const;
  return count(db, viewer, counted, context.now, () => addNote(db, viewer, written, context));
}

/** Says who sees to an application (`assignApplication`), counted with notes. */
export function assignByHand(
  db: Db,
  viewer: Viewer,
  wanted: Parameters<typeof assignApplication>[2],
  context: RequestContext,
): Promise<Awaited<ReturnType<typeof assignApplication>> | TooManyByHand> {
  const counted = { what: 'notes', id: wanted.id, rules: noteRules } as const;
  return count(db, viewer, counted, context.now, () => assignApplication(db, viewer, wanted, context));
}
