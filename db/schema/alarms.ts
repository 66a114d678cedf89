import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts';
import { instant } from './columns';

/**
 * Alarms: something about sending was wrong for a while. One is open per kind and subject at most. Opened and ended by
 * lib/alarms/check-alarms.ts, acknowledged by lib/alarms/acknowledge-alarm.ts.
 */
export const alarms = pgTable(
  'alarms',
  {
    id: uuid('id').primaryKey(),
    /** A kind of lib/alarms/alarm-kinds.ts; a row of another version may have one that is unknown here. */
    kind: text('kind').notNull(),
    /** What it is about: a sender; empty where there is only one. */
    subject: text('subject').notNull(),
    /** The first of the checks in a row that opened it. */
    since: instant('since').notNull(),
    openedAt: instant('opened_at').notNull(),
    /** The last check that found it so. */
    lastSeenAt: instant('last_seen_at').notNull(),
    endedAt: instant('ended_at'),
    acknowledgedAt: instant('acknowledged_at'),
    /** Null also where that account is gone. */
    acknowledgedBy: uuid('acknowledged_by').references(() => users.id, { onDelete: 'set null' }),
    /** What was measured when it opened … */
    figures: jsonb('figures').$type<AlarmFigures>().notNull(),
    /** … and by the last check that found it so. */
    lastFigures: jsonb('last_figures').$type<AlarmFigures>().notNull(),
  },
  (t) => [
    uniqueIndex('alarms_open_unique')
      .on(t.kind, t.subject)
      .where(sql`${t.endedAt} is null`),
    index('alarms_opened_index').on(t.openedAt, t.id),
    index('alarms_ended_index')
      .on(t.endedAt)
      .where(sql`${t.endedAt} is not null`),
    index('alarms_acknowledged_by_index')
      .on(t.acknowledgedBy)
      .where(sql`${t.acknowledgedBy} is not null`),
  ],
);

/** What was measured, by name; nothing about a person. */
export type AlarmFigures = Record<string, string | number | null>;

/**
 * How far each condition is from opening or ending an alarm. Written by lib/alarms/check-alarms.ts.
 */
export const alarmChecks = pgTable(
  'alarm_checks',
  {
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    /** So many checks in a row spoke for a change: for opening one that is not open, for ending one that is. */
    run: integer('run').notNull(),
    /** The first check of that row; null: there is none. */
    runSince: instant('run_since'),
    checkedAt: instant('checked_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.kind, t.subject] })],
);

/** When the conditions are checked next: one row. Written by lib/alarms/check-alarms.ts. */
export const alarmRounds = pgTable('alarm_rounds', {
  name: text('name').primaryKey(),
  /** While a check is under way, its exact value is the ticket for writing what it found. */
  nextAt: instant('next_at').notNull(),
  /** The first check of all: of what was before, nobody looked. */
  begunAt: instant('begun_at').notNull(),
  /** The last check that was written down; null: none was. */
  checkedAt: instant('checked_at'),
});

/**
 * What ALERT_WEBHOOK_URL is to hear: that an alarm opened, and that it ended. Written by lib/alarms/check-alarms.ts (new rows) and
 * lib/alarms/deliver-alerts.ts.
 */
export const alarmAlerts = pgTable(
  'alarm_alerts',
  {
    id: uuid('id').primaryKey(),
    alarmId: uuid('alarm_id')
      .notNull()
      .references(() => alarms.id, { onDelete: 'cascade' }),
    event: text('event').$type<'opened' | 'ended'>().notNull(),
    /** JSON, the same for every attempt. */
    body: text('body').notNull(),
    createdAt: instant('created_at').notNull(),
    sendAfter: instant('send_after').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** Until then one process has it in hand … */
    leasedUntil: instant('leased_until'),
    /** … and this is that process's ticket. */
    leaseId: uuid('lease_id'),
    sentAt: instant('sent_at'),
    /** It was given up. */
    endedAt: instant('ended_at'),
    /** Why the last attempt failed: `http_500`, `redirect`, `timeout`, `no_connection`. */
    cause: text('cause'),
  },
  (t) => [
    uniqueIndex('alarm_alerts_event_unique').on(t.alarmId, t.event),
    index('alarm_alerts_due_index')
      .on(t.sendAfter)
      .where(sql`${t.sentAt} is null and ${t.endedAt} is null`),
  ],
);

/**
 * The nightly check of the ledgers, a row for each part of it: what was checked when, and what did not agree. It says nothing about a
 * person. Written by lib/alarms/ledger-checks.ts.
 */
export const ledgerChecks = pgTable('ledger_checks', {
  /** `budget`, `numbers`, `opt_outs`, `consents`, or a day that is over as `day 2026-11-29`. */
  part: text('part').primaryKey(),
  /** When it was checked last; null: it never was. */
  checkedAt: instant('checked_at'),
  /** Until then one process checks it, or nobody does since it could not be read; the exact value is that process's ticket. */
  leasedUntil: instant('leased_until'),
  /** Since when it is due and was begun in vain; null: the last check came to its end. */
  uncheckedSince: instant('unchecked_since'),
  /** What the last check found, and what a later one found before it failed. */
  differences: jsonb('differences').$type<LedgerDifference[]>().notNull().default([]),
  /** Since when each check has found something; null: the last found nothing. */
  foundAt: instant('found_at'),
});

/** What did not agree: which kind of difference, how often, and a few examples: ids of texts, or ids of rows of a ledger. */
export type LedgerDifference = { kind: string; count: number; examples: string[] };
