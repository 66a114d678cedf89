import type { Db, Tx } from '@/db/client';
import { endOwnSession, endSessionsOf } from '@/lib/accounts/sessions';
import { endPendingTokens } from '@/lib/accounts/pending';
import { endLoginGrants } from '@/lib/accounts/login-grants';
import { endTrustedDevices } from '@/lib/accounts/trusted-devices';
import { lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';

type Person = { userId: string; sessionId: string };

/** Ends one session of this person, their own included; one that is not theirs, or over, is left alone. */
export async function endOne(
  db: Db,
  person: Person,
  sessionId: string,
  context: RequestContext,
): Promise<void> {
  if (!isId(sessionId)) return;
  const { userId } = person;
  await db.transaction(async (tx) => {
    if (!(await endOwnSession(tx, { userId, sessionId }))) return;
    await recordAudit(tx, { action: 'session_ended', userId }, context);
  });
}

/**
 * Ends every session of this person but the one it is asked from, and the grants that could open others (ASVS 5.0 7.4.3). The
 * account is locked, as by who opens one. Where there is nothing to end, nothing is written down.
 */
export async function endOthers(db: Db, person: Person, context: RequestContext): Promise<void> {
  const { userId, sessionId } = person;
  await db.transaction(async (tx) => {
    await lockUser(tx, userId);
    const ended = (await endSessionsOf(tx, userId, sessionId)) + (await endLoginGrants(tx, userId));
    if (ended > 0) await recordAudit(tx, { action: 'other_sessions_ended', userId }, context);
  });
}

/**
 * Ends all that lets a browser into an account: trust in it, pending tokens, login grants, and sessions. The
 * account is locked, so that none is opened in between. Out: how many sessions there were.
 */
export async function endAllAccess(tx: Tx, userId: string): Promise<number> {
  // In the order in which one leads to the next, so that what is being redeemed right now ends as what came of it.
  await endTrustedDevices(tx, userId);
  await endPendingTokens(tx, userId);
  await endLoginGrants(tx, userId);
  return endSessionsOf(tx, userId, null);
}
