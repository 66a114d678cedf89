import { sql, type SQL } from 'drizzle-orm';
import type { PumpingOrderKind } from '@/db/schema/pumping';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { markNumber } from '@/lib/phone/mark';
import { newId } from '@/lib/random';
import { prefixOf, spendMark } from '@/lib/sms/capacity/budget';

/** An order that holds at the moment at which it was read. */
export type StandingOrder = { id: string; kind: PumpingOrderKind; scope: string; endsAt: Date };

/** What codes to a number are looked up by: the most special first. */
type Scopes = { numbers: readonly string[]; prefix: string; networks: readonly string[] };

/** The scopes that a request for a code is in. `network` null: it came from none of theirs. */
export function scopesOfRequest(phone: string, network: string | null): Scopes {
  const secrets = env().authSecrets;
  return {
    numbers: numberScopes(phone),
    prefix: prefixScope(prefixOf(phone)),
    networks: network === null ? [] : secrets.map((secret) => spendMark(secret, 'network', network)),
  };
}

/** One number, by its keyed mark: the table tells of nobody. */
export function numberScope(phone: string, secret: string = env().authSecrets[0]): string {
  return `number:${markNumber(phone, secret)}`;
}

/** The same under every secret, the first of which writes. */
export function numberScopes(phone: string): string[] {
  return env().authSecrets.map((secret) => numberScope(phone, secret));
}

/** All numbers that begin with these digits and have four more. */
export function prefixScope(prefix: string): string {
  return `prefix:${prefix}`;
}

/** The orders that hold for a request, as JSON for `readOrders`: one look-up in an index, to be part of another statement. */
export function ordersThatHold({ numbers, prefix, networks }: Scopes, now: Date): SQL<unknown> {
  const scopes = sql.param([...numbers, prefix, ...networks]);
  return sql`(
    select jsonb_agg(jsonb_build_object('id', id, 'kind', kind, 'scope', scope, 'endsAt', ${nearEnd(sql`ends_at`)}))
    from pumping_orders
    where scope = any(${scopes}::text[]) and ends_at > ${timestamp(now)} and begun_at <= ${timestamp(now)} and ended_at is null)`;
}

/** When an order ends; without an end (`infinity`), or one beyond the dates here, as late as they go. */
export function nearEnd(column: SQL): SQL {
  return sql`least(${column}, '2199-12-30Z'::timestamptz)`;
}

/** The same by itself; from no network. None while the guard is off. */
export async function readOrdersAbout(db: Db, phone: string, now: Date): Promise<StandingOrder[]> {
  if (env().pumpingGuard === 'off') return [];
  const { rows } = await db.execute<{ orders: unknown }>(
    sql`select ${ordersThatHold(scopesOfRequest(phone, null), now)} as orders`,
  );
  return readOrders(rows[0]?.orders);
}

/** What `ordersThatHold` found. */
export function readOrders(found: unknown): StandingOrder[] {
  const orders = (found ?? []) as { id: string; kind: PumpingOrderKind; scope: string; endsAt: string }[];
  return orders.map((order) => ({ ...order, endsAt: new Date(order.endsAt) }));
}

/**
 * The order that keeps a code back; null: none does. What is said about the number counts before what is said about its prefix, and
 * that before what is said about the network; of one scope, what an admin said counts before what the guard did.
 */
export function findCatching(orders: readonly StandingOrder[]): StandingOrder | null {
  const rank = ({ scope, kind }: StandingOrder) =>
    2 * ['number', 'prefix', 'network'].indexOf(scope.slice(0, scope.indexOf(':'))) +
    Number(kind === 'closed');
  const first = [...orders].sort((a, b) => rank(a) - rank(b))[0];
  return first === undefined || first.kind === 'allowed' ? null : first;
}

/**
 * Blocks or allows a scope until `endsAt`, by an admin, in place of what one had ordered before. Blocking and allowing end no closure;
 * what is allowed is not caught by it. Out: the order's id.
 */
export async function giveOrder(
  tx: Tx,
  order: {
    kind: Exclude<PumpingOrderKind, 'closed'>;
    scope: string;
    /** Its names under other secrets, whose orders this one takes the place of as well. */
    formerScopes?: readonly string[];
    lastDigits: string | null;
    endsAt: Date;
    adminId: string;
    reason: string;
  },
  now: Date,
): Promise<string> {
  const id = newId();
  // Two admins at the same instant: the second takes the place of the first.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${order.scope}, 7316004254))`);
  await tx.execute(sql`
    update pumping_orders set ended_at = least(ends_at, ${timestamp(now)}),
      ended_by = case when ends_at > ${timestamp(now)} then ${order.adminId}::uuid end,
      ended_reason = case when ends_at > ${timestamp(now)} then ${order.reason}::text end
    where scope = any(${sql.param([order.scope, ...(order.formerScopes ?? [])])}::text[]) and kind <> 'closed'
      and ended_at is null`);
  await tx.execute(sql`
    insert into pumping_orders (id, kind, scope, last_digits, begun_at, ends_at, ordered_by, reason)
    values (${id}, ${order.kind}, ${order.scope}, ${order.lastDigits}, ${timestamp(now)}, ${timestamp(order.endsAt)}, ${order.adminId}, ${order.reason})`);
  return id;
}

/** Ends an order that holds, of whatever kind; null: it holds no longer. Out: what it was. */
export async function endOrder(
  tx: Tx,
  { id, adminId, reason }: { id: string; adminId: string; reason: string },
  now: Date,
): Promise<{ kind: PumpingOrderKind; scope: string } | null> {
  const { rows } = await tx.execute<{ kind: PumpingOrderKind; scope: string }>(sql`
    update pumping_orders set ended_at = ${timestamp(now)}, ended_by = ${adminId}, ended_reason = ${reason}
    where id = ${id} and ended_at is null and ends_at > ${timestamp(now)}
    returning kind, scope`);
  return rows[0] ?? null;
}

/** Removes orders that ended before `before`, with whom they caught, `limit` at most. Out: how many. */
export async function pruneOrders(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from pumping_orders where id = any(array(
      select id from pumping_orders where ends_at < ${timestamp(before)} order by ends_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
