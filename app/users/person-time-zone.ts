import { readField } from '@/app/_forms/form-answer';
import { browserZoneField } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { canonicalZone } from '@/lib/time-zones';

/** The zone in which moments are said to a person: that of their quiet hours, which is where they registered until they choose another. Null: none is known. */
export async function readPersonTimeZone({ userId }: { userId: string }): Promise<string | null> {
  return (await readPreferences(db(), userId))?.timeZone ?? null;
}

/** The zone in which moments are said in the answer to a form: that of the browser, as on the page; where it tells none, the person's. */
export async function readAnswerZone(person: { userId: string }, form: FormData): Promise<string | null> {
  return canonicalZone(readField(form, browserZoneField)) ?? (await readPersonTimeZone(person));
}
