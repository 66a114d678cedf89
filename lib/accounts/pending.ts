import { and, eq, gt, isNotNull, isNull, sql, type SQL } from 'drizzle-orm';
import { pendingTokens, users, type PendingPurpose } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { hashToken, newToken } from '@/lib/random';
import { isFarAhead } from '@/lib/stored-moment';
import { isLiveToken, pendingLife, pendingMaxAgeSeconds } from './pending-life';
import { type User } from './users';

const touchEverySeconds = 60;

/** Lets this browser do one thing for one person; several browsers may. Out: the token for its cookie. */
export async function issuePendingToken(
  tx: Tx | Db,
  userId: string,
  now: Date,
  purpose: PendingPurpose = 'activation',
): Promise<string> {
  const token = newToken();
  await tx
    .insert(pendingTokens)
    .values({ tokenHash: hashToken(token), userId, purpose, createdAt: now, lastUsedAt: now });
  return token;
}

/**
 * Whose account a cookie's token stands for. Null when the token is unknown, over or for another purpose, when a verification is
 * finished already, and when the account is closed. One that a clock far ahead issued works on, and for no longer than others from
 * now on: who is about to enter a code is not sent away.
 */
export async function readPending(
  db: Db | Tx,
  token: string,
  now: Date,
  purpose: PendingPurpose = 'activation',
): Promise<User | null> {
  const tokenHash = hashToken(token);
  const { maxAge, idle } = pendingLife(purpose);
  const [row] = await db
    .select({ user: users, lastUsedAt: pendingTokens.lastUsedAt })
    .from(pendingTokens)
    .innerJoin(users, eq(users.id, pendingTokens.userId))
    .where(
      and(
        eq(pendingTokens.tokenHash, tokenHash),
        eq(pendingTokens.purpose, purpose),
        gt(pendingTokens.createdAt, new Date(now.getTime() - maxAge * 1000)),
        gt(pendingTokens.lastUsedAt, new Date(now.getTime() - idle * 1000)),
        purpose === 'activation' ? isNull(users.activatedAt) : isNotNull(users.activatedAt),
        isNull(users.deactivatedAt),
      ),
    );
  if (!row) return null;
  if (
    now.getTime() - row.lastUsedAt.getTime() > touchEverySeconds * 1000 ||
    isFarAhead(row.lastUsedAt, now)
  ) {
    await db
      .update(pendingTokens)
      .set({ createdAt: sql`least(created_at, ${timestamp(now)})`, lastUsedAt: now })
      .where(eq(pendingTokens.tokenHash, tokenHash));
  }
  return row.user;
}

/** Ends a token: what it was for is done, or given up. False: it was over already, also by someone else at this very moment. */
export async function endPendingToken(db: Db | Tx, token: string): Promise<boolean> {
  const ended = await db
    .delete(pendingTokens)
    .where(eq(pendingTokens.tokenHash, hashToken(token)))
    .returning({ userId: pendingTokens.userId });
  return ended.length > 0;
}

/** Removes tokens past their longest life, `limit` at most, but for those in use right now. Out: how many. */
export async function prunePendingTokens(db: Db, now: Date, limit: number): Promise<number> {
  const oldest = new Date(now.getTime() - pendingMaxAgeSeconds * 1000);
  const { rowCount } = await db.execute(sql`
    delete from pending_tokens where token_hash = any(array(
      select token_hash from pending_tokens where created_at < ${timestamp(oldest)}
      order by created_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

/** Ends every pending verification of a person: their browsers have to give the password again. */
export async function endPendingTokens(tx: Tx | Db, userId: string): Promise<void> {
  await tx.delete(pendingTokens).where(eq(pendingTokens.userId, userId));
}

/**
 * The accounts that were made before `before` and that nobody can finish any more as things are: pending, without a browser
 * that may still do so and without a code that can still be entered. The oldest first, `limit` at most; those that someone
 * holds at the moment are left out.
 */
export async function findAbandonedUsers(
  db: Db,
  { before, now, limit, except = [] }: { before: Date; now: Date; limit: number; except?: readonly string[] },
): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id from users where ${abandoned(before, now)} and id <> all(${sql.param([...except])}::uuid[])
    order by created_at limit ${limit} for update skip locked`);
  return rows.map((row) => row.id);
}

/** Whether one account is such a one; locked by the caller, so that it stays so. */
export async function isAbandoned(
  tx: Tx,
  userId: string,
  { before, now }: { before: Date; now: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(
    sql`select 1 from users where id = ${userId} and ${abandoned(before, now)}`,
  );
  return rows.length > 0;
}

function abandoned(before: Date, now: Date): SQL {
  const at = timestamp(now);
  return sql`activated_at is null and deactivated_at is null and created_at < ${timestamp(before)}
    and not exists (select from pending_tokens token where token.user_id = users.id and ${isLiveToken(at)})
    and not exists (
      select from sms_verifications challenge
      where challenge.user_id = users.id and consumed_at is null and ended_at is null and expires_at > ${at})`;
}
