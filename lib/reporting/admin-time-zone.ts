import type { Db } from '@/db/client';
import { env } from '@/lib/env';
import { readPreferences } from '@/lib/sms/preferences/preferences';

/**
 * Reads the IANA zone in which moments are said to an admin where their browser does not write them: their own, or where it is not known the one of the reports, so that a
 * text is found at the time that the overview and the alarms say.
 */
export async function readAdminTimeZone(db: Db, adminId: string): Promise<string> {
  return (await readPreferences(db, adminId))?.timeZone ?? env().reportTimeZone;
}
