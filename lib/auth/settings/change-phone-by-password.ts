import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import {
  startPhoneChange,
  removePhone,
  type ChangeRefusal,
  type NumberOwner,
  type RemovalRefusal,
} from '@/lib/sms/verification/change-phone';
import { unlessHeld } from '@/lib/accounts/unless-held';
import type { RecoveredLately } from '@/lib/accounts/refuse-still';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';

type Person = NumberOwner & { email: string };

export type FrozenRefusal = RecoveredLately;

/** Puts another number in the place of a person's, who shows who they are (`confirmIdentity`); see `startPhoneChange`. In: E.164. */
export async function changePhoneByPassword(
  db: Db,
  person: Person,
  { phone, currentPassword }: { phone: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (IdentityRefusal | ChangeRefusal))> {
  const known = await confirmIdentity(db, person, currentPassword, context);
  return known.ok ? unlessHeld(() => startPhoneChange(db, person, phone, context)) : known;
}

/** Takes a person's number off their account, who shows who they are (`confirmIdentity`); see `removePhone`. */
export async function removePhoneByPassword(
  db: Db,
  person: Person,
  { currentPassword }: { currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (IdentityRefusal | RemovalRefusal))> {
  const known = await confirmIdentity(db, person, currentPassword, context);
  return known.ok ? unlessHeld(() => removePhone(db, person, context)) : known;
}
