import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { users } from './accounts';
import type { ApplicationStatus } from './applications';
import { instant } from './columns';

/**
 * Moves of many applications at once. A draft is what was selected; started, a worker makes one move after the other, whatever was
 * killed in between. Written by lib/bulk.
 */
export const bulkMoves = pgTable(
  'bulk_moves',
  {
    id: uuid('id').primaryKey(),
    createdBy: uuid('created_by').references(() => users.id, { onDelete: 'set null' }),
    createdAt: instant('created_at').notNull(),
    /** Where they are to be moved; null: that is not said yet. */
    toStatus: text('to_status').$type<ApplicationStatus>(),
    /** For the applicants to read. */
    note: text('note'),
    /** More fitted what was looked for than one of these takes. */
    isCut: boolean('is_cut').notNull().default(false),
    state: text('state').$type<BulkState>().notNull().default('draft'),
    /** Since when it is in that state. */
    stateAt: instant('state_at').notNull(),
    /** Why it paused by itself; null: it did not. */
    pausedBecause: text('paused_because').$type<BulkPauseReason>(),
    /** In whose name the moves are made: who started it, or had it go on, the last. */
    startedBy: uuid('started_by').references(() => users.id, { onDelete: 'set null' }),
    startedAt: instant('started_at'),
    /** Who waits longest for a worker comes first. While one has it: until when, which is its ticket. */
    nextAt: instant('next_at').notNull(),
    /** What the moves would lead to, as it was counted last; null: not yet, or it was changed since. */
    forecast: jsonb('forecast').$type<BulkForecast>(),
  },
  (t) => [
    index('bulk_moves_next_index')
      .on(t.nextAt)
      .where(sql`${t.state} = 'running'`),
    index('bulk_moves_created_index').on(t.createdAt),
    index('bulk_moves_created_by_index').on(t.createdBy),
    index('bulk_moves_started_by_index').on(t.startedBy),
    check('bulk_moves_state_check', sql`${t.state} in ('draft', 'running', 'paused', 'stopped', 'done')`),
  ],
);

export type BulkState = 'draft' | 'running' | 'paused' | 'stopped' | 'done';

/** `mover_left`: who started it may not make these moves any more. */
export type BulkPauseReason = 'mover_left';

/** What moves in bulk would lead to, as of `at`. */
export type BulkForecast = {
  at: string;
  /** So many people applied; those without an account are told apart by their applications. */
  people: number;
  /** By which way news of so many moves would go. */
  texts: number;
  mails: number;
  unreached: number;
  /** About so many it could not be said. */
  unseen: number;
  /** So many would be left alone, since bulk moves have moved them too often lately. */
  tooOften: number;
  segments: number;
  priceMicros: number;
  /** So many of the texts would wait for quiet hours to end, until these moments. */
  held: number;
  heldFrom: string | null;
  heldUntil: string | null;
  /** So many reminders go out some days later if nobody answers what they are asked for, and what those by text cost. */
  reminders: number;
  reminderMicros: number;
};

/**
 * The applications of a bulk move, each with what became of it, which is written with its move in one transaction. Written by
 * lib/bulk.
 */
export const bulkItems = pgTable(
  'bulk_items',
  {
    bulkId: uuid('bulk_id')
      .notNull()
      .references(() => bulkMoves.id, { onDelete: 'cascade' }),
    nth: integer('nth').notNull(),
    /** One that was deleted since leaves its id here. */
    applicationId: uuid('application_id').notNull(),
    /** That of the moment when it was selected. */
    version: integer('version').notNull(),
    /** Null: it is still to be done. */
    outcome: text('outcome').$type<BulkOutcome>(),
    /** The move, in application_events. */
    eventId: bigint('event_id', { mode: 'number' }),
    doneAt: instant('done_at'),
    /** How often it came to nothing so far: those that did come after the others. */
    tries: integer('tries').notNull().default(0),
  },
  (t) => [
    primaryKey({ columns: [t.bulkId, t.nth] }),
    index('bulk_items_outcome_index').on(t.bulkId, t.outcome, t.tries, t.nth),
  ],
);

/** What became of an application: it was moved, or why not. */
export type BulkOutcome =
  'moved' | 'changed_meanwhile' | 'not_allowed' | 'not_found' | 'moved_too_often' | 'failed';
