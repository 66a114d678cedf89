import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import {
  startPhoneChange,
  removePhone,
  type ChangeRefusal,
  type NumberOwner,
} from '@/lib/sms/verification/change-phone';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';

type Person = NumberOwner & { sessionId: string; email: string };

/** The password was reset lately, so the number that the account has stays until `retryAt` (`frozenUntil`). */
export type FrozenRefusal = { reason: 'recovered_lately'; retryAt: Date };

/**
 * Puts another number in the place of a person's, who shows who they are (`confirmIdentity`); see `startPhoneChange`. In: E.164. Where there is none
 * yet, nobody loses it, and it may be added at any time.
 */
export async function changePhoneByPassword(
  db: Db,
  person: Person,
  { phone, currentPassword }: { phone: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (IdentityRefusal | FrozenRefusal | ChangeRefusal))> {
  const known = await confirmIdentity(db, person, currentPassword, context);
  if (!known.ok) return known;
  const retryAt = frozenUntil(known.user, context.now);
  if (person.phone !== null && retryAt !== null) return { ok: false, reason: 'recovered_lately', retryAt };
  return startPhoneChange(db, person, phone, context);
}

/** Takes a person's number off their account, who shows who they are (`confirmIdentity`); see `removePhone`. */
export async function removePhoneByPassword(
  db: Db,
  person: Person,
  { currentPassword }: { currentPassword: string },
  context: RequestContext,
): Promise<
  | { ok: true }
  | ({ ok: false } & (
      IdentityRefusal | FrozenRefusal | { reason: 'no_number' | 'changed_meanwhile' | 'last_factor' }
    ))
> {
  const known = await confirmIdentity(db, person, currentPassword, context);
  if (!known.ok) return known;
  const retryAt = frozenUntil(known.user, context.now);
  if (retryAt !== null) return { ok: false, reason: 'recovered_lately', retryAt };
  return removePhone(db, person, context);
}
