import type { Db } from '@/db/client';
import { listSessions, type SessionRow } from '@/lib/accounts/sessions';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { readActivity, type Activity } from './activity';

const shownActivity = 15;

/** What the security page shows of a person; `timeZone` null: none is known. */
export type SecurityPage = { timeZone: string | null; sessions: SessionRow[]; activity: Activity[] };

/** Reads it: four statements, at most two of them one after the other. */
export async function readSecurityPage(db: Db, userId: string, now: Date): Promise<SecurityPage> {
  const [preferences, sessions, activity] = await Promise.all([
    readPreferences(db, userId),
    listSessions(db, userId, now),
    readActivity(db, userId, shownActivity),
  ]);
  return { timeZone: preferences?.timeZone ?? null, sessions, activity };
}
