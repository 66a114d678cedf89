import { and, desc, eq, gt, isNull, lte, ne, sql, type SQL } from 'drizzle-orm';
import { sessions, users, type Role } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { hashToken, isId, newId } from '@/lib/random';
import { isFarAhead, latestBelieved } from '@/lib/stored-moment';
import {
  factorsOfUser,
  graceOfUser,
  sessionStanding,
  type HeldFactors,
  type SessionStanding,
} from './factors';
import { frozenUntil } from './after-recovery';
import { grantTtlSeconds } from './login-grants';

const hour = 3600;
const day = 24 * hour;

/**
 * How long a session lasts from sign-in at the longest, and how long without a visit. Whoever opens other people's applications
 * signs in every day (NIST SP 800-63B-4 2.2.3: at AAL2 24 hours, 1 hour idle).
 */
const lives = { applicant: { maxAge: 30 * day, idle: 14 * day }, worker: { maxAge: day, idle: hour } };

function lifeOf(role: Role) {
  return role === 'applicant' ? lives.applicant : lives.worker;
}

/** The longest that any session lasts. */
export const sessionMaxAgeSeconds = lives.applicant.maxAge;

/** For how long a session lasts without a visit. */
export function sessionIdleSeconds(role: Role): number {
  return lifeOf(role).idle;
}

/** So many browsers may be signed in to one account. */
export const mostSessions = 20;
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
  emailProvenAt: Date | null;
  /** When the password was last set without the old one (`frozenUntil`); null: never. */
  recoveredAt: Date | null;
  /** When the password was last given in this session, or a passkey. */
  authenticatedAt: Date;
  /** When a second factor was last given in this session; null: none was. */
  secondFactorAt: Date | null;
  factors: HeldFactors;
  standing: SessionStanding;
  /** Until when this session may set up a first second factor by itself; null: it takes a link. */
  enrollUntil: Date | null;
  /** Until when the role may do without a second factor; null: it may not. */
  graceUntil: Date | null;
};

/**
 * Spends a login grant and opens a session. The account is locked before the grant, as by its deletion, which takes the grants
 * along. So sign-ins of one account come one after the other, a grant opens at most one session, and an account has
 * `mostSessions` at most: one more ends the one that was seen longest ago.
 *
 * Out: the new session's id (fresh at every sign-in, ASVS 5.0 7.2.4), or null when the grant is unknown, spent, older
 * than 60 seconds, minted by a clock far ahead, or its account is not open.
 */
export async function redeemLoginGrant(
  db: Db,
  grant: string,
  context: RequestContext,
): Promise<{ sessionId: string } | null> {
  const sessionId = newId();
  const at = timestamp(context.now);
  const believed = timestamp(latestBelieved(context.now));
  const tokenHash = hashToken(grant);
  return db.transaction(async (tx) => {
    const { rows: owners } = await tx.execute<{ id: string }>(sql`
      select users.id from login_grants join users on users.id = login_grants.user_id
      where login_grants.token_hash = ${tokenHash} for no key update of users`);
    if (owners.length === 0) return null;
    // Read after locking: the sessions that others opened meanwhile are among those that are counted.
    const { rows } = await tx.execute(sql`
      with spent as (
        delete from login_grants where token_hash = ${tokenHash}
        returning user_id, expires_at, second_factor_at, by_trusted_device, enroll_until
      ), opened as (
        insert into sessions (id, user_id, created_at, last_seen_at, expires_at, address, user_agent, authenticated_at,
          second_factor_at, by_trusted_device, enroll_until)
        select ${sessionId}, users.id, ${at}, ${at}, ${at} + make_interval(secs => ${secondsByRole('maxAge')}),
          ${context.address}, ${context.userAgent}, ${at},
          spent.second_factor_at, spent.by_trusted_device, spent.enroll_until
        from spent join users on users.id = spent.user_id
        where spent.expires_at > ${at} and spent.expires_at <= ${believed} + make_interval(secs => ${grantTtlSeconds})
          and users.activated_at is not null and users.deactivated_at is null
        returning user_id
      ), ended as (
        delete from sessions using opened
        where sessions.user_id = opened.user_id and sessions.id <> all(array(
          select kept.id from sessions kept join opened on opened.user_id = kept.user_id join users on users.id = kept.user_id
          where kept.expires_at > ${at} and kept.created_at <= ${believed}
            and kept.last_seen_at > ${at} - make_interval(secs => ${secondsByRole('idle')})
          order by kept.last_seen_at desc, kept.created_at desc limit ${mostSessions - 1}))
      )
      select 1 from opened`);
    return rows.length > 0 ? { sessionId } : null;
  });
}

/** Of a role's session, for a statement that has the account's row as `users`. */
function secondsByRole(life: keyof typeof lives.worker): SQL {
  return sql`case users.role when 'applicant' then ${lives.applicant[life]}::int else ${lives.worker[life]}::int end`;
}

/** Whether a session is there still, and this person's. */
export async function isSessionOf(
  tx: Tx,
  { adminId, sessionId }: { adminId: string; sessionId: string },
): Promise<boolean> {
  const found = await tx
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, adminId)));
  return found.length > 0;
}

/**
 * Who a session belongs to right now; null when it is over, its account is not open, or a clock far ahead opened it: it would last
 * for longer than a session may. One statement, on every request.
 */
export async function readSession(db: Db | Tx, sessionId: string, now: Date): Promise<SessionUser | null> {
  // A cookie of an earlier version may name something else.
  if (!isId(sessionId)) return null;
  const [row] = await db
    .select({
      session: sessions,
      email: users.email,
      name: users.name,
      role: users.role,
      phone: users.phone,
      phoneMovedAt: users.phoneMovedAt,
      emailProvenAt: users.emailProvenAt,
      activatedAt: users.activatedAt,
      enrollUntil: users.enrollUntil,
      recoveredAt: users.recoveredAt,
      graceUntil: graceOfUser,
      ...factorsOfUser,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sessionId), isNull(users.deactivatedAt)));
  if (
    !row ||
    row.activatedAt === null ||
    row.session.expiresAt <= now ||
    isFarAhead(row.session.createdAt, now)
  )
    return null;
  const { session, email, name, role, phone, phoneMovedAt, emailProvenAt, recoveredAt } = row;
  const { passkey, totp, sms } = row;
  const { userId, lastSeenAt, authenticatedAt, secondFactorAt, byTrustedDevice } = session;
  const idleSeconds = (now.getTime() - lastSeenAt.getTime()) / 1000;
  if (idleSeconds > sessionIdleSeconds(role)) return null;
  if (idleSeconds > touchEverySeconds || isFarAhead(lastSeenAt, now)) {
    await db.update(sessions).set({ lastSeenAt: now }).where(eq(sessions.id, sessionId));
  }
  const factors = { passkey, totp, sms };
  // After a reset the mailbox alone would be enough.
  const hasGrace = row.graceUntil !== null && row.graceUntil > now && frozenUntil(row, now) === null;
  const graceUntil = hasGrace ? row.graceUntil : null;
  const standing = sessionStanding(role, factors, { secondFactorAt, byTrustedDevice }, hasGrace);
  return {
    ...{ sessionId, userId, email, name, role, phone, phoneMovedAt, emailProvenAt, recoveredAt },
    ...{ authenticatedAt, secondFactorAt, factors, standing, graceUntil },
    enrollUntil: latest(session.enrollUntil, row.enrollUntil, now),
  };
}

/** The later of two moments that are still to come; null: neither is. */
function latest(a: Date | null, b: Date | null, now: Date): Date | null {
  const coming = [a, b].filter((moment) => moment !== null && moment > now) as Date[];
  return coming.length === 0 ? null : new Date(Math.max(...coming.map((moment) => moment.getTime())));
}

/** Notes that the person of a session has just shown again who they are: by a second factor, or by the password alone. */
export async function markShown(
  tx: Db | Tx,
  { sessionId, factor }: { sessionId: string; factor: 'password' | 'second' },
  now: Date,
): Promise<void> {
  const shown = factor === 'second' ? { secondFactorAt: now, enrollUntil: null } : { authenticatedAt: now };
  await tx.update(sessions).set(shown).where(eq(sessions.id, sessionId));
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

/** Ends the sessions of a person that have shown no second factor, those of trusted browsers, too. */
export async function endUnshownSessions(tx: Tx, userId: string): Promise<void> {
  await tx.delete(sessions).where(and(eq(sessions.userId, userId), isNull(sessions.secondFactorAt)));
}

/** Ends the sessions of a person in which a trusted browser took the second factor's place, and none was shown since. */
export async function endTrustedSessions(tx: Tx, userId: string): Promise<void> {
  await tx
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), sessions.byTrustedDevice, isNull(sessions.secondFactorAt)));
}

export type SessionRow = typeof sessions.$inferSelect;

/** The browsers that a person is signed in with right now, `mostSessions` at most, the last seen first. */
export async function listSessions(db: Db | Tx, userId: string, now: Date): Promise<SessionRow[]> {
  const idleSince = sql`${timestamp(now)} - make_interval(secs => ${secondsByRole('idle')})`;
  const rows = await db
    .select({ session: sessions })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.userId, userId),
        gt(sessions.expiresAt, now),
        gt(sessions.lastSeenAt, idleSince),
        lte(sessions.createdAt, latestBelieved(now)),
      ),
    )
    .orderBy(desc(sessions.lastSeenAt), desc(sessions.createdAt))
    .limit(mostSessions);
  return rows.map(({ session }) => session);
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
