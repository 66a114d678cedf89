import { db } from '@/db/client';
import { readPreferences } from '@/lib/sms/preferences/preferences';

/** The zone in which moments are said to a person: that of their quiet hours, which is where they registered until they choose another. Null: none is known. */
export async function readPersonTimeZone({ userId }: { userId: string }): Promise<string | null> {
  return (await readPreferences(db(), userId))?.timeZone ?? null;
}
