import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { startPhoneChange, type ChangeRefusal, type NumberOwner } from '@/lib/sms/verification/change-phone';
import { readTextsState, saveTexts } from './text-switches';

/**
 * Adds a first number by one consent: a code goes there (`startPhoneChange`, with its refusals), and, with `wantsUpdates`, updates
 * are turned on for it. They begin once the number is proven. Where they cannot be turned on, the number is added all the same, and
 * the preferences say how they stand.
 */
export async function addFirstPhone(
  db: Db,
  owner: NumberOwner,
  { phone, wantsUpdates }: { phone: string; wantsUpdates: boolean },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ChangeRefusal)> {
  const added = await startPhoneChange(db, owner, phone, context);
  if (!added.ok || !wantsUpdates) return added;
  const person = { userId: owner.userId, phone };
  const { switches, version } = await readTextsState(db, person);
  const wish = { switches: { ...switches, enabled: true }, version, agreed: true };
  await saveTexts(db, person, wish, context);
  return added;
}
