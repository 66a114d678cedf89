import { sql } from 'drizzle-orm';
import { bigint, date, integer, numeric, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant } from './columns';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0);
const dollars = (name: string) => numeric(name, { precision: 18, scale: 6 }).notNull().default('0');

/**
 * What became of texts, summed up: per hour and purpose, and per day and purpose, area or error. `at` is the beginning of the hour or
 * day in REPORT_TIME_ZONE. Texts count when they were asked for, money when it began to count against the budgets.
 * Written by lib/reporting/rollups/roll-up.ts, and never the only place where something is known until its texts are erased.
 */
export const smsRollups = pgTable(
  'sms_rollups',
  {
    kind: text('kind').$type<RollupKind>().notNull(),
    at: instant('at').notNull(),
    /** A purpose; or the beginning of a number (`+1415`, `+447`); or an error code, or our own reason. */
    key: text('key').notNull(),
    texts: count('texts'),
    segments: count('segments'),
    sent: count('sent'),
    delivered: count('delivered'),
    failed: count('failed'),
    canceled: count('canceled'),
    held: count('held'),
    settledUsd: dollars('settled_usd'),
    reservedUsd: dollars('reserved_usd'),
    /** The part of `settled_usd` that was paid for texts that failed. */
    failedUsd: dollars('failed_usd'),
    /** How many were delivered within each of lib/reporting/rollups/latency.ts's times, and above the last of them. */
    latencies: integer('latencies')
      .array()
      .notNull()
      .default(sql`'{}'`),
  },
  (t) => [primaryKey({ columns: [t.kind, t.at, t.key] })],
);

export type RollupKind = 'hour' | 'purpose' | 'area' | 'error';

/** The same for what is no text: how often something happened on a day. Written by lib/reporting/rollups/roll-up.ts. */
export const eventRollups = pgTable(
  'event_rollups',
  {
    kind: text('kind').$type<EventKind>().notNull(),
    at: instant('at').notNull(),
    key: text('key').notNull(),
    times: count('times'),
  },
  (t) => [primaryKey({ columns: [t.kind, t.at, t.key] })],
);

/**
 * `funnel`: of the codes asked for to prove a number, how many came how far. `refusal`: what a rule refused, by its reason.
 * `other`: registrations, wrong codes, opt-outs.
 */
export type EventKind = 'funnel' | 'refusal' | 'other';

/** Which days are summed up, in which zone, and when that was done. Written by lib/reporting/rollups/roll-up.ts. */
export const rolledDays = pgTable('rolled_days', {
  day: date('day').primaryKey(),
  timeZone: text('time_zone').notNull(),
  rolledAt: instant('rolled_at').notNull(),
});
