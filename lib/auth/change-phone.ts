import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import {
  changeNumber,
  removeNumber,
  type ChangeRefusal,
  type NumberOwner,
} from '@/lib/sms/verification/change-number';
import { reauthenticate, type ReauthenticationRefusal } from './reauthenticate';

type Person = NumberOwner & { sessionId: string; email: string };

/** Puts another number in the place of a person's, against their password; see `changeNumber`. In: E.164. */
export async function changePhone(
  db: Db,
  person: Person,
  { phone, currentPassword }: { phone: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (ReauthenticationRefusal | ChangeRefusal))> {
  const known = await reauthenticate(db, person, currentPassword, context);
  return known.ok ? changeNumber(db, person, phone, context) : known;
}

/** Takes a person's number off their account, against their password; see `removeNumber`. */
export async function removePhone(
  db: Db,
  person: Person,
  { currentPassword }: { currentPassword: string },
  context: RequestContext,
): Promise<
  { ok: true } | ({ ok: false } & (ReauthenticationRefusal | { reason: 'no_number' | 'changed_meanwhile' }))
> {
  const known = await reauthenticate(db, person, currentPassword, context);
  return known.ok ? removeNumber(db, person, context) : known;
}
