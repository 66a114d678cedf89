import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts';
import { instant } from './columns';

/**
 * How many of the codes that were asked for in an hour were entered, and how many were not: of everyone (`all`), to a prefix
 * (`prefix:+1555123`) and from a network, by its mark (`network:…`). Only codes of people who did not hold the number, whose time is
 * over. Written by lib/sms/pumping/count-codes.ts.
 */
export const pumpingSums = pgTable(
  'pumping_sums',
  {
    scope: text('scope').notNull(),
    hour: instant('hour').notNull(),
    verified: integer('verified').notNull(),
    unverified: integer('unverified').notNull(),
  },
  (t) => [primaryKey({ columns: [t.scope, t.hour] }), index('pumping_sums_hour_index').on(t.hour)],
);

/**
 * How many codes to a prefix were not entered, by the network that asked for them, so that each counts twice at most. Written by
 * lib/sms/pumping/count-codes.ts.
 */
export const pumpingPairs = pgTable(
  'pumping_pairs',
  {
    /** `prefix:+1555123` */
    prefix: text('prefix').notNull(),
    hour: instant('hour').notNull(),
    /** Its mark; empty: asked for from no network of theirs. */
    network: text('network').notNull(),
    unverified: integer('unverified').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.prefix, t.hour, t.network] }),
    index('pumping_pairs_hour_index').on(t.hour),
  ],
);

/**
 * Up to which text of the outbox codes are counted: one row, in the transaction of the sums. Written by
 * lib/sms/pumping/count-codes.ts.
 */
export const pumpingProgress = pgTable('pumping_progress', {
  name: text('name').primaryKey(),
  at: instant('at').notNull(),
  id: uuid('id').notNull(),
});

/**
 * Until when codes go, or do not go, to a number, to a prefix, or from a network. At most one of an admin's holds for a scope at a
 * time. Written by lib/sms/pumping/orders.ts and close-scopes.ts.
 */
export const pumpingOrders = pgTable(
  'pumping_orders',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').$type<PumpingOrderKind>().notNull(),
    /** As in `pumping_sums`, or `number:` and the keyed mark of one number. */
    scope: text('scope').notNull(),
    /** The last digits of that number, by which admins know it again. */
    lastDigits: text('last_digits'),
    begunAt: instant('begun_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    /** It was ended before that, … */
    endedAt: instant('ended_at'),
    /** … by this admin (null also where that account is gone), … */
    endedBy: uuid('ended_by').references(() => users.id, { onDelete: 'set null' }),
    /** … for this reason. */
    endedReason: text('ended_reason'),
    /** Null where the guard ordered it, or that account is gone. */
    orderedBy: uuid('ordered_by').references(() => users.id, { onDelete: 'set null' }),
    /** An admin's own words; null: the guard ordered it. */
    reason: text('reason'),
    /** What the guard had counted; null: an admin ordered it. */
    figures: jsonb('figures').$type<PumpingFigures>(),
  },
  (t) => [
    index('pumping_orders_scope_index').on(t.scope, t.endsAt),
    index('pumping_orders_ends_index').on(t.endsAt),
    index('pumping_orders_begun_index').on(t.begunAt, t.id),
    uniqueIndex('pumping_orders_given_unique')
      .on(t.scope)
      .where(sql`${t.kind} <> 'closed' and ${t.endedAt} is null`),
    index('pumping_orders_ended_by_index')
      .on(t.endedBy)
      .where(sql`${t.endedBy} is not null`),
    index('pumping_orders_ordered_by_index')
      .on(t.orderedBy)
      .where(sql`${t.orderedBy} is not null`),
  ],
);

/** `closed` by the guard; `blocked` or `allowed` by an admin. */
export type PumpingOrderKind = 'closed' | 'blocked' | 'allowed';

/** What closed a scope: in an `hour` or a `day`, so many codes were not entered, of networks so many, and so many were entered. */
export type PumpingFigures = {
  window: 'hour' | 'day';
  unverified: number;
  threshold: number;
  networks: number;
  verified: number;
};

/**
 * Whom an order caught: a person counts once for each. Written by lib/sms/pumping/pumping-hits.ts and count-codes.ts.
 */
export const pumpingHits = pgTable(
  'pumping_hits',
  {
    orderId: uuid('order_id')
      .notNull()
      .references(() => pumpingOrders.id, { onDelete: 'cascade' }),
    userId: uuid('user_id').notNull(),
    at: instant('at').notNull(),
    /** When a code was entered later that this person had asked for. */
    verifiedAt: instant('verified_at'),
  },
  (t) => [
    primaryKey({ columns: [t.orderId, t.userId] }),
    index('pumping_hits_waiting_index')
      .on(t.userId)
      .where(sql`${t.verifiedAt} is null`),
  ],
);
