import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  date,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { users } from './accounts';
import { bytea, instant } from './columns';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0);
const dollars = (name: string) => numeric(name, { precision: 18, scale: 6 }).notNull().default('0');

/**
 * What became of texts, summed up: per hour and purpose, and per day and purpose, area or error; and per whole month and area or error.
 * `at` is the beginning of the hour, day or month in REPORT_TIME_ZONE. Texts count when they were asked for, money when it began to count against the budgets.
 * Written by lib/reporting/rollups (roll-up.ts, months.ts), and never the only place where something is known until its texts are erased.
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

export type RollupKind = 'hour' | 'purpose' | 'area' | 'error' | 'month_area' | 'month_error';

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
  /** Of a day that was still on: up to when. Null: the whole day. */
  summedUntil: instant('summed_until'),
});

/**
 * Files that admins asked for. A worker writes each part by part, and goes on where the last part ended, whatever was killed in
 * between. A day after it is done it is removed. Written by lib/exports.
 */
export const exportJobs = pgTable(
  'export_jobs',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').$type<ExportKind | 'evidence'>().notNull(),
    format: text('format').$type<ExportFormat | 'zip'>().notNull(),
    /** Of an evidence pack: whom it is about. Null: it is no pack. */
    subject: jsonb('subject').$type<PackSubject>(),
    /** Whether phone numbers are in it as they are; else all but their last digits are hidden. */
    wholeNumbers: boolean('whole_numbers').notNull(),
    /** What happened from the one moment on, before the other. */
    fromAt: instant('from_at').notNull(),
    toAt: instant('to_at').notNull(),
    requestedBy: uuid('requested_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: instant('created_at').notNull(),
    state: text('state').$type<ExportState>().notNull().default('writing'),
    /**
     * The place of the last row that was written: lib/reporting/keyset.ts; of a pack also in which part of it: lib/exports/write-packs.ts.
     * Null: there is none yet.
     */
    writtenTo: text('written_to'),
    rows: bigint('rows', { mode: 'number' }).notNull().default(0),
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    parts: integer('parts').notNull().default(0),
    /** Who waits longest for its next part comes first; one that failed is put off. */
    nextAt: instant('next_at').notNull(),
    faults: integer('faults').notNull().default(0),
    endedAt: instant('ended_at'),
  },
  (t) => [
    index('export_jobs_next_index')
      .on(t.nextAt)
      .where(sql`${t.state} = 'writing'`),
    index('export_jobs_created_index').on(t.createdAt),
    index('export_jobs_requested_by_index').on(t.requestedBy),
  ],
);

/** Rows by whole columns: what is in each is said by lib/exports/export-kinds.ts. */
export type ExportKind = 'messages' | 'attempts' | 'consents' | 'opt_outs';
export type ExportFormat = 'csv' | 'jsonl';
/**
 * `too_large`: it has more rows than one file may have. `failed`: its rows could not be read. `subject_gone`: the account that a pack is
 * about was deleted while it was written. `removed`: nobody sees it any more, and it goes when its pieces are gone.
 */
export type ExportState = 'writing' | 'done' | 'too_large' | 'failed' | 'subject_gone' | 'removed';

/** A piece of such a file; all of them, in their order, are the file. */
export const exportParts = pgTable(
  'export_parts',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => exportJobs.id, { onDelete: 'cascade' }),
    part: integer('part').notNull(),
    data: bytea('data').notNull(),
  },
  (t) => [primaryKey({ columns: [t.jobId, t.part] })],
);

/**
 * Whom an evidence pack is about: one number, whoever had it, or an account with the numbers it had when the pack was asked for. `held`:
 * the one that it held then, and since when (ISO); null: none.
 */
export type PackSubject =
  | {
      kind: 'person';
      userId: string;
      phones: readonly string[];
      held: { phone: string; since: string } | null;
    }
  | { kind: 'number'; phone: string };

/**
 * What becomes a file of an evidence pack, piece by piece, until the ZIP of all of them is written to `export_parts`. Written by
 * lib/exports/write-packs.ts.
 */
export const packPieces = pgTable(
  'pack_pieces',
  {
    jobId: uuid('job_id')
      .notNull()
      .references(() => exportJobs.id, { onDelete: 'cascade' }),
    file: text('file').notNull(),
    part: integer('part').notNull(),
    /** How many rows of the database are in it. */
    rows: integer('rows').notNull(),
    data: bytea('data').notNull(),
  },
  (t) => [primaryKey({ columns: [t.jobId, t.file, t.part] })],
);
