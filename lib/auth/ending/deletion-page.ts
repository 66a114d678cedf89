import type { Db } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { countMyApplications, type MyApplicationCounts } from '@/lib/applications/my-applications';
import { readPreferences } from '@/lib/sms/preferences/preferences';

/**
 * What the page that deletes an account shows: what becomes of the person's applications, and until when the account stays,
 * because its password was set without the old one (null: it may go); `timeZone` null: none is known.
 */
export type DeletionPage = {
  timeZone: string | null;
  applications: MyApplicationCounts;
  frozenUntil: Date | null;
};

/** Reads it: two statements, side by side. */
export async function readDeletionPage(
  db: Db,
  { userId, recoveredAt }: { userId: string; recoveredAt: Date | null },
  now: Date,
): Promise<DeletionPage> {
  const [preferences, applications] = await Promise.all([
    readPreferences(db, userId),
    countMyApplications(db, userId, now),
  ]);
  return {
    timeZone: preferences?.timeZone ?? null,
    applications,
    frozenUntil: frozenUntil({ recoveredAt }, now),
  };
}
