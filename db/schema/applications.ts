import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { users, type Role } from './accounts';
import { instant } from './columns';

/** Where an application is. Which move who may make is in lib/applications/moves.ts. */
export const applicationStatuses = [
  'draft',
  'submitted',
  'in_review',
  'documents_needed',
  'approved',
  'declined',
  'withdrawn',
] as const;

export type ApplicationStatus = (typeof applicationStatuses)[number];

/**
 * What people apply for. `status` is what the operator's people see; an applicant sees a move from `shows_at` of its event on.
 * Each change raises `version`, and names the one that it was made on. Written by the files of lib/applications.
 */
export const applications = pgTable(
  'applications',
  {
    id: uuid('id').primaryKey(),
    /** Whose it is; null: of someone without an account, or whose account was deleted. */
    applicantId: uuid('applicant_id').references(() => users.id, { onDelete: 'set null' }),
    /** Who applies, where they have no account. */
    applicantName: text('applicant_name'),
    title: text('title').notNull(),
    message: text('message').notNull(),
    status: text('status').$type<ApplicationStatus>().notNull(),
    version: integer('version').notNull().default(1),
    /** Which of the operator's people sees to it. */
    assigneeId: uuid('assignee_id').references(() => users.id, { onDelete: 'set null' }),
    createdAt: instant('created_at').notNull(),
    /** Since when it is in its status. */
    movedAt: instant('moved_at').notNull(),
    /** When the applicant last answered what was asked for; null: not since it was. */
    answeredAt: instant('answered_at'),
    /** What became of the last news about it; null: there was none. */
    news: text('news').$type<NewsState>(),
  },
  (t) => [
    index('applications_applicant_index').on(t.applicantId, t.createdAt),
    index('applications_moved_index')
      .on(t.movedAt, t.id)
      .where(sql`${t.status} <> 'draft'`),
    // Every way to narrow the list of the operator's people has an index in the order of the list.
    index('applications_status_index').on(t.status, t.movedAt, t.id),
    index('applications_assignee_index')
      .on(t.assigneeId, t.status, t.movedAt, t.id)
      .where(sql`${t.assigneeId} is not null`),
    index('applications_unassigned_index')
      .on(t.status, t.movedAt, t.id)
      .where(sql`${t.assigneeId} is null`),
    index('applications_news_index')
      .on(t.news, t.status, t.movedAt, t.id)
      .where(sql`${t.news} is not null`),
    index('applications_assignee_news_index')
      .on(t.assigneeId, t.news, t.status, t.movedAt, t.id)
      .where(sql`${t.assigneeId} is not null and ${t.news} is not null`),
    index('applications_unassigned_news_index')
      .on(t.news, t.status, t.movedAt, t.id)
      .where(sql`${t.assigneeId} is null and ${t.news} is not null`),
    index('applications_name_index')
      .on(sql`lower(${t.applicantName}) text_pattern_ops`)
      .where(sql`${t.applicantName} is not null`),
    check(
      'applications_status_check',
      sql`${t.status} in ('draft', 'submitted', 'in_review', 'documents_needed', 'approved', 'declined', 'withdrawn')`,
    ),
  ],
);

/**
 * `waiting`: it will be decided how the person hears. `texted`, `mailed`: by which way it went. `unreached`: no way led to them.
 * `superseded`: other news took its place before it went out.
 */
export type NewsState = 'waiting' | 'texted' | 'mailed' | 'unreached' | 'superseded';

/** The timeline: every move, answer, note and change of assignee. Written by the files of lib/applications. */
export const applicationEvents = pgTable(
  'application_events',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => applications.id, { onDelete: 'cascade' }),
    at: instant('at').notNull(),
    kind: text('kind').$type<ApplicationEventKind>().notNull(),
    fromStatus: text('from_status').$type<ApplicationStatus>(),
    toStatus: text('to_status').$type<ApplicationStatus>(),
    /** Since when it was in `from_status`: what an undone move puts back. */
    fromSince: instant('from_since'),
    /** Who did it; null: their account is gone. */
    actorId: uuid('actor_id').references(() => users.id, { onDelete: 'set null' }),
    actorRole: text('actor_role').$type<Role>().notNull(),
    /** For the applicant to read. */
    note: text('note'),
    /** For staff and admins alone. */
    internalNote: text('internal_note'),
    /** From when on the applicant sees it. */
    showsAt: instant('shows_at').notNull(),
    /** It was taken back before that. */
    undoneAt: instant('undone_at'),
    /** The text that it came by, in sms_messages. */
    messageId: uuid('message_id'),
  },
  (t) => [
    index('application_events_application_index').on(t.applicationId, t.id),
    index('application_events_actor_index').on(t.actorId),
  ],
);

export type ApplicationEventKind = 'moved' | 'answered' | 'noted' | 'assigned';

/**
 * What an applicant is to hear: one row for each move that is not their own, written with it, and one for each reminder. It is
 * decided once, when it is due: by which way it goes, or that something later took its place. Written by lib/applications.
 */
export const applicationNotices = pgTable(
  'application_notices',
  {
    id: uuid('id').primaryKey(),
    applicationId: uuid('application_id')
      .notNull()
      .references(() => applications.id, { onDelete: 'cascade' }),
    eventId: bigint('event_id', { mode: 'number' })
      .notNull()
      .references(() => applicationEvents.id, { onDelete: 'cascade' }),
    kind: text('kind').$type<NoticeKind>().notNull(),
    dueAt: instant('due_at').notNull(),
    /** How often deciding about it failed on our own side; after five it is given up. */
    faults: integer('faults').notNull().default(0),
    decidedAt: instant('decided_at'),
    state: text('state').$type<NewsState>().notNull().default('waiting'),
    /** In sms_messages and mails: the second goes by age, and leaves its id here. */
    messageId: uuid('message_id'),
    mailId: uuid('mail_id'),
    /** The bulk move that made it due, which is the source of its texts; null: none. */
    bulkId: uuid('bulk_id'),
    /** When to look next whether the text arrived, or the mail went; null: there is nothing to look for. */
    checkAt: instant('check_at'),
  },
  (t) => [
    index('application_notices_due_index')
      .on(t.dueAt)
      .where(sql`${t.decidedAt} is null`),
    index('application_notices_check_index')
      .on(t.checkAt)
      .where(sql`${t.checkAt} is not null`),
    index('application_notices_application_index').on(t.applicationId, t.dueAt),
    index('application_notices_event_index').on(t.eventId),
    // What a bulk move is ahead of its news by. By an expression that no other index has, so that the planner takes no index of all
    // that waits.
    index('application_notices_bulk_index')
      .on(sql`(case when ${t.decidedAt} is null and ${t.kind} <> 'reminder' then ${t.bulkId} end)`)
      .where(sql`${t.bulkId} is not null`),
  ],
);

/** `news`: its state changed. `documents`: something is asked for. `reminder`: it was, and there is no answer yet. */
export type NoticeKind = 'news' | 'documents' | 'reminder';

/** How the operator's people like to work. Written by lib/applications/undo-time.ts. */
export const staffPreferences = pgTable('staff_preferences', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  undoSeconds: integer('undo_seconds').notNull(),
});
