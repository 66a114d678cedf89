import type { Db, Tx } from '@/db/client';
import { asksSecondFactor } from '@/lib/accounts/factors';
import { readSession } from '@/lib/accounts/sessions';
import { findUser, type User } from '@/lib/accounts/users';
import { reauthenticate, type ReauthenticationRefusal } from '@/lib/auth/sign-in/reauthenticate';
import type { RequestContext } from '@/lib/context';
import { isFresh } from './step-up';

/** `confirm_first`: a second factor was not shown in this session within ten minutes. `not_open`: the session is over. */
export type StaleFactor = { reason: 'confirm_first' | 'not_open' };
export type IdentityRefusal = ReauthenticationRefusal | StaleFactor;

type Person = { userId: string; sessionId: string; email: string };

/**
 * Makes sure who is in front of a session, before what an open browser alone must not do (OWASP ASVS 5.0 7.5.1): by the password,
 * or, where the account asks for a second factor, by one that was shown within ten minutes; the password is not looked at then.
 */
export async function confirmIdentity(
  db: Db,
  person: Person,
  currentPassword: string,
  context: RequestContext,
): Promise<{ ok: true; user: User } | ({ ok: false } & IdentityRefusal)> {
  const factor = await lookForFactor(db, person, context.now);
  if (factor === 'none_asked') return reauthenticate(db, person, currentPassword, context);
  if (factor !== 'fresh') return { ok: false, reason: factor };
  const user = await findUser(db, person.userId);
  return user === null ? { ok: false, reason: 'not_open' } : { ok: true, user };
}

/**
 * The same where nothing but a second factor will do, as for what admins do to others. Null: one was shown within ten minutes.
 * Whoever changes something asks once more under the lock of the account: the session may be over by then.
 */
export async function refuseWithoutFactor(
  db: Db | Tx,
  person: Pick<Person, 'sessionId'>,
  now: Date,
): Promise<StaleFactor | null> {
  const factor = await lookForFactor(db, person, now);
  if (factor === 'fresh') return null;
  return { reason: factor === 'not_open' ? factor : 'confirm_first' };
}

/**
 * What comes on top of a password. Null: the account asks for no second factor, or one was shown within ten minutes. Asked once
 * more under the lock, too.
 */
export async function refuseStaleFactor(
  db: Db | Tx,
  person: Pick<Person, 'sessionId'>,
  now: Date,
): Promise<StaleFactor | null> {
  const factor = await lookForFactor(db, person, now);
  return factor === 'none_asked' || factor === 'fresh' ? null : { reason: factor };
}

async function lookForFactor(
  db: Db | Tx,
  { sessionId }: Pick<Person, 'sessionId'>,
  now: Date,
): Promise<'none_asked' | 'fresh' | StaleFactor['reason']> {
  const session = await readSession(db, sessionId, now);
  if (session === null || session.standing === 'shut') return 'not_open';
  if (!asksSecondFactor(session.role, session.factors)) return 'none_asked';
  return isFresh(session, now) ? 'fresh' : 'confirm_first';
}
