import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';

/** What may be spent in any 24 hours, in millionths of a dollar. */
export type Budget = { perUserMicros: number; totalMicros: number };

export type BudgetRefusal = {
  ok: false;
  reason: 'budget';
  /** Which of the two caps. */
  rule: 'SMS_DAILY_BUDGET_PER_USER_USD' | 'SMS_DAILY_BUDGET_USD';
  priceMicros: bigint;
  spentMicros: bigint;
  limitMicros: bigint;
  /** When this text would fit, if nothing else is sent; null: it is dearer than the cap itself. */
  retryAt: Date | null;
};

/** Any constant will do, as long as every process that reserves uses the same. */
const budgetLockKey = 7_316_004_253;

const windowMs = 24 * 3600 * 1000;

/**
 * Reserves the estimated price of a text that a dispatcher has in hand, at the moment of sending: the person's and
 * everybody's settled plus reserved cost of the last 24 hours and this text must fit their caps. Reservations of all
 * processes pass one after another, and each sum is read after the one before was committed, so that the caps are never
 * passed, not by a millionth.
 *
 * With the reservation the text is marked as being called for: `unknown_since` stands until the outcome is recorded.
 * Refuses with `budget` and the moment it would fit, or with `lost` when the text is not in this dispatcher's hands.
 */
export async function reserveSpend(
  db: Db,
  {
    messageId,
    userId,
    leaseUntil,
    priceMicros,
    segments,
    budget,
    now,
  }: {
    messageId: string;
    userId: string | null;
    leaseUntil: Date;
    priceMicros: number;
    segments: number;
    budget: Budget;
    now: Date;
  },
): Promise<{ ok: true } | BudgetRefusal | { ok: false; reason: 'lost' }> {
  const price = BigInt(priceMicros);
  const since = new Date(now.getTime() - windowMs);
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${budgetLockKey}::bigint)`);
    const scopes = [
      { rule: 'SMS_DAILY_BUDGET_PER_USER_USD', userId, limit: BigInt(budget.perUserMicros) },
      { rule: 'SMS_DAILY_BUDGET_USD', userId: null, limit: BigInt(budget.totalMicros) },
    ] as const;
    for (const { rule, userId: whose, limit } of scopes) {
      if (rule === 'SMS_DAILY_BUDGET_PER_USER_USD' && whose === null) continue;
      const spent = await sumSpend(tx, { userId: whose, since });
      if (spent + price <= limit) continue;
      const retryAt =
        price > limit ? null : await findRoom(tx, { userId: whose, since, room: spent + price - limit });
      return {
        ok: false as const,
        reason: 'budget' as const,
        rule,
        priceMicros: price,
        spentMicros: spent,
        limitMicros: limit,
        retryAt,
      };
    }
    const { rowCount } = await tx.execute(sql`
      update sms_messages
      set price = ${price.toString()}::numeric / 1000000, estimated_price = ${price.toString()}::numeric / 1000000,
          segments = ${segments}, reserved_at = ${at(now)}, price_settled_at = null,
          unknown_since = ${at(now)}, look_ups = 0, attempts = attempts + 1, attempted_at = ${at(now)}
      where id = ${messageId} and status = 'sending' and lease_until = ${at(leaseUntil)}`);
    return rowCount === 1 ? { ok: true as const } : { ok: false as const, reason: 'lost' as const };
  });
}

/** What was spent since, settled and reserved, in micros: by one person, or (null) by everybody. */
export async function sumSpend(
  db: Pick<Db, 'execute'>,
  { userId, since }: { userId: string | null; since: Date },
): Promise<bigint> {
  const { rows } = await db.execute<{ micros: string }>(sql`
    select (coalesce(sum(price), 0) * 1000000)::bigint::text as micros from sms_messages
    where price is not null and reserved_at > ${at(since)}
      ${userId === null ? sql`` : sql`and user_id = ${userId}`}`);
  return BigInt(rows[0]!.micros);
}

/** When enough of what is spent will be a day old to free `room` micros. */
async function findRoom(
  db: Pick<Db, 'execute'>,
  { userId, since, room }: { userId: string | null; since: Date; room: bigint },
): Promise<Date | null> {
  const { rows } = await db.execute<{ epoch_ms: number }>(sql`
    select extract(epoch from reserved_at)::float8 * 1000 as epoch_ms from (
      select reserved_at, sum(price) over (order by reserved_at, id) * 1000000 as freed from sms_messages
      where price is not null and reserved_at > ${at(since)}
        ${userId === null ? sql`` : sql`and user_id = ${userId}`}
    ) spends where freed >= ${room.toString()}::numeric order by reserved_at limit 1`);
  const row = rows[0];
  return row ? new Date(Math.ceil(row.epoch_ms) + windowMs) : null;
}

function at(instant: Date) {
  return sql`${instant.toISOString()}::timestamptz`;
}
