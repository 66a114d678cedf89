import { and, desc, eq, gt, isNull, ne, sql } from 'drizzle-orm';
import { sessions, users, type Role } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { hashToken, isId, newId } from '@/lib/random';

/** A session ends 30 days after sign-in at the latest … */
export const sessionMaxAgeSeconds = 30 * 24 * 3600;
/** … and after 14 days without a visit. */
const sessionIdleSeconds = 14 * 24 * 3600;
/** `last_seen_at` is not written more often than this. */
const touchEverySeconds = 300;

export type SessionUser = {
  sessionId: string;
  userId: string;
  email: string;
  name: string;
  role: Role;
  phone: string | null;
  phoneMovedAt: Date | null;
};

/**
 * Spends a login grant and opens a session: one statement, so a grant opens at most one session whatever runs beside it.
 * The account is locked before the grant, as by its deletion, which takes the grants along.
 *
 * Out: the new session's id (fresh at every sign-in, ASVS 5.0 7.2.4), or null when the grant is unknown, spent, older
 * than 60 seconds, or its account is not open.
 */
export async function redeemLoginGrant(
  db: Db,
  grant: string,
  context: RequestContext,
): Promise<{ sessionId: string } | null> {
  const sessionId = newId();
  const at = timestamp(context.now);
  const { rows } = await db.execute(sql`
    with owner as materialized (
      select users.id, login_grants.token_hash from login_grants join users on users.id = login_grants.user_id
      where login_grants.token_hash = ${hashToken(grant)} for key share of users
    ), spent as (
      delete from login_grants using owner where login_grants.token_hash = owner.token_hash
      returning login_grants.user_id, login_grants.expires_at
    )
    insert into sessions (id, user_id, created_at, last_seen_at, expires_at, address, user_agent)
    select ${sessionId}, users.id, ${at}, ${at}, ${at} + make_interval(secs => ${sessionMaxAgeSeconds}),
      ${context.address}, ${context.userAgent}
    from spent join users on users.id = spent.user_id
    where spent.expires_at > ${at} and users.activated_at is not null and users.deactivated_at is null
    returning 1`);
  return rows.length > 0 ? { sessionId } : null;
}

/** Who a session belongs to right now; null when it is over or its account is not open. One statement, on every request. */
export async function readSession(db: Db, sessionId: string, now: Date): Promise<SessionUser | null> {
  // A cookie of an earlier version may name something else.
  if (!isId(sessionId)) return null;
  const [row] = await db
    .select({
      sessionId: sessions.id,
      userId: users.id,
      email: users.email,
      name: users.name,
      role: users.role,
      phone: users.phone,
      phoneMovedAt: users.phoneMovedAt,
      lastSeenAt: sessions.lastSeenAt,
      expiresAt: sessions.expiresAt,
      activatedAt: users.activatedAt,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sessionId), isNull(users.deactivatedAt)));
  if (!row || row.activatedAt === null || row.expiresAt <= now) return null;
  const idleSeconds = (now.getTime() - row.lastSeenAt.getTime()) / 1000;
  if (idleSeconds > sessionIdleSeconds) return null;
  if (idleSeconds > touchEverySeconds) {
    await db.update(sessions).set({ lastSeenAt: now }).where(eq(sessions.id, sessionId));
  }
  const { sessionId: id, userId, email, name, role, phone, phoneMovedAt } = row;
  return { sessionId: id, userId, email, name, role, phone, phoneMovedAt };
}

/** Signs one browser out; the next request of that browser is nobody's. */
export async function endSession(db: Db | Tx, sessionId: string): Promise<void> {
  await db.delete(sessions).where(eq(sessions.id, sessionId));
}

/** Ends a person's sessions, all or all but one (ASVS 5.0 7.4.3). Out: how many there were. */
export async function endSessionsOf(db: Db | Tx, userId: string, except: string | null): Promise<number> {
  const { rowCount } = await db
    .delete(sessions)
    .where(
      except === null
        ? eq(sessions.userId, userId)
        : and(eq(sessions.userId, userId), ne(sessions.id, except)),
    );
  return rowCount ?? 0;
}

export type SessionRow = typeof sessions.$inferSelect;

/** The browsers that a person is signed in with right now, the last seen first. */
export async function listSessions(db: Db | Tx, userId: string, now: Date): Promise<SessionRow[]> {
  const idleSince = new Date(now.getTime() - sessionIdleSeconds * 1000);
  return db
    .select()
    .from(sessions)
    .where(and(eq(sessions.userId, userId), gt(sessions.expiresAt, now), gt(sessions.lastSeenAt, idleSince)))
    .orderBy(desc(sessions.lastSeenAt), desc(sessions.createdAt));
}

/** Ends one session of this person; false: it is not theirs, or over already. */
export async function endOwnSession(
  db: Db | Tx,
  { userId, sessionId }: { userId: string; sessionId: string },
): Promise<boolean> {
  const ended = await db
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), eq(sessions.id, sessionId)))
    .returning({ id: sessions.id });
  return ended.length > 0;
}

/** Removes sessions that are over, `limit` at most, but for those in use right now. Out: how many. */
export async function pruneSessions(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from sessions where id = any(array(
      select id from sessions where expires_at < ${timestamp(now)}
      order by expires_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

/** The same of login grants. */
export async function pruneLoginGrants(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from login_grants where token_hash = any(array(
      select token_hash from login_grants where expires_at < ${timestamp(now)}
      order by expires_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
