import type { Db } from '@/db/client';
import { asksSecondFactor } from '@/lib/accounts/factors';
import { markShown, type SessionUser } from '@/lib/accounts/sessions';
import { findUser } from '@/lib/accounts/users';
import { recordOnceAnHourFrom } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { reauthenticate, type ReauthenticationRefusal } from '@/lib/auth/sign-in/reauthenticate';
import { proveFactor, type FactorRefusal, type GivenFactor } from './prove-factor';

/** What matters most is done within so long after showing who one is. */
const freshSeconds = 10 * 60;

type Shown = Pick<SessionUser, 'role' | 'factors' | 'authenticatedAt' | 'secondFactorAt'>;

/**
 * Whether a session has shown within ten minutes whose it is: by a second factor where the account asks for one, else by the
 * password or a passkey (OWASP ASVS 5.0 7.5.1, 7.5.3). A moment ahead of now, which another
 * server's clock wrote, counts where it is no further off than that.
 */
export function isFresh(user: Shown, now: Date): boolean {
  const isWithin = (shownAt: Date | null) =>
    shownAt !== null && Math.abs(now.getTime() - shownAt.getTime()) <= freshSeconds * 1000;
  if (isWithin(user.secondFactorAt)) return true;
  return !asksSecondFactor(user.role, user.factors) && isWithin(user.authenticatedAt);
}

/** Shows once more who sits in front of a session, by a second factor. The session is fresh for ten minutes then. */
export async function stepUpByFactor(
  db: Db,
  { userId, sessionId }: SessionUser,
  given: GivenFactor,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (FactorRefusal | { reason: 'not_open' }))> {
  const account = await findUser(db, userId);
  if (account === null || account.deactivatedAt !== null) return { ok: false, reason: 'not_open' };
  const proven = await proveFactor(db, account, given, context);
  if (!proven.ok) return proven;
  await noteStepUp(db, { userId, sessionId, by: given.kind }, context);
  return { ok: true };
}

/** The same by the password, where the account asks for no second factor (`needs_factor` where it does). */
export async function stepUpByPassword(
  db: Db,
  user: SessionUser,
  currentPassword: string,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (ReauthenticationRefusal | { reason: 'needs_factor' }))> {
  const { userId, sessionId, role, factors } = user;
  if (asksSecondFactor(role, factors)) return { ok: false, reason: 'needs_factor' };
  const known = await reauthenticate(db, user, currentPassword, context);
  if (!known.ok) return known;
  await noteStepUp(db, { userId, sessionId, by: 'password' }, context);
  return { ok: true };
}

async function noteStepUp(
  db: Db,
  { userId, sessionId, by }: { userId: string; sessionId: string; by: GivenFactor['kind'] | 'password' },
  context: RequestContext,
): Promise<void> {
  await db.transaction(async (tx) => {
    await markShown(tx, { sessionId, factor: by === 'password' ? 'password' : 'second' }, context.now);
    await recordOnceAnHourFrom(tx, { action: 'confirmed_again', userId, details: { by } }, context);
  });
}
