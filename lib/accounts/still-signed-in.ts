import { sql, type SQL } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import type { Role } from '@/db/schema/accounts';

/** Who does something, as their request read them when it began; without a session a program does it in their name. */
export type ActingPerson = { userId: string; role: Role; sessionId?: string };

/**
 * Whether someone is signed in still, with the role that was read, and their account is open. Asked behind the last lock that
 * may be waited for, since all of this may end while a request waits. Whatever takes something from a session deletes it, and waits from
 * then on until this transaction ends: the account and the session are locked, in this order. Nothing is read for a program.
 */
export async function isStillSignedIn(tx: Tx, { userId, role, sessionId }: ActingPerson): Promise<boolean> {
  if (sessionId === undefined) return true;
  const { rows } = await tx.execute(sql`${openSession({ userId, role, sessionId })} for key share`);
  return rows.length > 0;
}

/**
 * The same as a condition, for who reads piece by piece what is theirs only as long as they are signed in. It locks nothing: the next
 * piece asks again.
 */
export function stillSignedIn(reader: Required<ActingPerson>): SQL {
  return sql`exists (${openSession(reader)})`;
}

function openSession({ userId, role, sessionId }: Required<ActingPerson>): SQL {
  return sql`
    select from users join sessions on sessions.user_id = users.id
    where users.id = ${userId} and sessions.id = ${sessionId} and users.role = ${role} and users.deactivated_at is null`;
}
