import { eq, sql } from 'drizzle-orm';
import { staffPreferences } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';

/** For how long the operator's people may take a move back, in seconds: until then nobody else sees it. */
export const undoTime = { shortest: 10, usual: 10, longest: 120 } as const;

/** The undo time that someone has chosen. */
export async function readUndoSeconds(db: Db | Tx, userId: string): Promise<number> {
  const [row] = await db
    .select({ seconds: staffPreferences.undoSeconds })
    .from(staffPreferences)
    .where(eq(staffPreferences.userId, userId));
  return clampUndoSeconds(row?.seconds ?? undoTime.usual);
}

/** Saves it; what is out of range becomes the nearest that is in it. Out: what was saved. */
export async function saveUndoSeconds(db: Db, userId: string, seconds: number): Promise<number> {
  const undoSeconds = clampUndoSeconds(seconds);
  await db
    .insert(staffPreferences)
    .values({ userId, undoSeconds })
    .onConflictDoUpdate({
      target: staffPreferences.userId,
      set: { undoSeconds: sql`excluded.undo_seconds` },
    });
  return undoSeconds;
}

function clampUndoSeconds(seconds: number): number {
  return Math.min(undoTime.longest, Math.max(undoTime.shortest, Math.round(seconds)));
}
