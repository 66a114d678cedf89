import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import {
  startPhoneChange,
  removePhone,
  type ChangeRefusal,
  type NumberOwner,
} from '@/lib/sms/verification/change-phone';
import { reauthenticate, type ReauthenticationRefusal } from './reauthenticate';

type Person = NumberOwner & { sessionId: string; email: string };

/** Puts another number in the place of a person's, against their password; see `startPhoneChange`. In: E.164. */
export async function changePhoneByPassword(
  db: Db,
  person: Person,
  { phone, currentPassword }: { phone: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (ReauthenticationRefusal | ChangeRefusal))> {
  const known = await reauthenticate(db, person, currentPassword, context);
  return known.ok ? startPhoneChange(db, person, phone, context) : known;
}

/** Takes a person's number off their account, against their password; see `removePhone`. */
export async function removePhoneByPassword(
  db: Db,
  person: Person,
  { currentPassword }: { currentPassword: string },
  context: RequestContext,
): Promise<
  { ok: true } | ({ ok: false } & (ReauthenticationRefusal | { reason: 'no_number' | 'changed_meanwhile' }))
> {
  const known = await reauthenticate(db, person, currentPassword, context);
  return known.ok ? removePhone(db, person, context) : known;
}
