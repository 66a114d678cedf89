import type { Db } from '@/db/client';
import { endOwnSession, endSessionsOf } from '@/lib/accounts/sessions';
import { endLoginGrants } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';

type Person = { userId: string; sessionId: string };

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ends one session of this person, their own included; one that is not theirs, or over, is left alone. */
export async function endOne(
  db: Db,
  person: Person,
  sessionId: string,
  context: RequestContext,
): Promise<void> {
  if (!uuid.test(sessionId)) return;
  const { userId } = person;
  await db.transaction(async (tx) => {
    if (!(await endOwnSession(tx, { userId, sessionId }))) return;
    await recordAudit(tx, { action: 'session_ended', userId }, context);
  });
}

/** Ends every session of this person but the one it is asked from, and the grants that could open others (ASVS 5.0 7.4.3). */
export async function endOthers(db: Db, person: Person, context: RequestContext): Promise<void> {
  const { userId, sessionId } = person;
  await db.transaction(async (tx) => {
    await endSessionsOf(tx, userId, sessionId);
    await endLoginGrants(tx, userId);
    await recordAudit(tx, { action: 'other_sessions_ended', userId }, context);
  });
}
