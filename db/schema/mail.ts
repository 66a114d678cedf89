import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts';
import { accountChange, bytea, instant } from './columns';

/**
 * Links that went to a person by mail, by text or by hand, each for one purpose and used once. The token is derived from `nonce` when it
 * goes out, never stored. Open while neither used nor ended nor past `expires_at`. Written by lib/mail/links.ts.
 */
export const emailLinks = pgTable(
  'email_links',
  {
    id: uuid('id').primaryKey(),
    purpose: text('purpose').$type<LinkPurpose>().notNull(),
    /** The account that the link is about; null: there is none, or none yet. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** The address it goes to, as typed. */
    email: text('email').notNull(),
    /** What that address is told apart by: lib/accounts/email.ts. */
    emailKey: text('email_key').notNull(),
    nonce: bytea('nonce').notNull(),
    createdAt: instant('created_at').notNull(),
    change: accountChange('change'),
    expiresAt: instant('expires_at').notNull(),
    usedAt: instant('used_at'),
    endedAt: instant('ended_at'),
    /** What the purpose needs besides: the role of an invitation, what an undone change puts back. */
    details: jsonb('details').$type<Record<string, string | null>>().notNull().default({}),
  },
  (t) => [
    index('email_links_user_index').on(t.userId),
    index('email_links_email_index').on(t.emailKey),
    index('email_links_age_index').on(t.createdAt),
    // Links to addresses without an account; few, and kept for days only.
    index('email_links_unowned_index')
      .on(t.createdAt)
      .where(sql`${t.userId} is null`),
    check(
      'email_links_purpose_check',
      sql`${t.purpose} in ('confirm', 'claim', 'reset', 'change_email', 'invite', 'not_me', 'enroll')`,
    ),
  ],
);

/**
 * `confirm`: proves the address of an account. `claim`: opens a new account at an address whose account never proved it.
 * `reset`: sets a new password. `change_email`: makes the address an account's. `invite`: opens an account for someone who
 * is invited. `not_me`: undoes a change that its owner did not make. `enroll`: sets up the first second factor of someone who
 * must hold one, or takes theirs off first.
 */
export type LinkPurpose = 'confirm' | 'claim' | 'reset' | 'change_email' | 'invite' | 'not_me' | 'enroll';

/**
 * The outbox of mail and its record. A row holds a template and ids, never a token and never the words. The id is part of
 * the Message-ID, so that a mail that goes out twice can be known as one. Written by lib/mail/outbox.ts and lib/mail/deliver.ts.
 */
export const mails = pgTable(
  'mails',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    to: text('to_address').notNull(),
    template: text('template').notNull(),
    params: jsonb('params').$type<Record<string, string>>().notNull(),
    linkId: uuid('link_id').references(() => emailLinks.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull(),
    /** Not sent before this moment; put off after each failure. */
    sendAfter: instant('send_after').notNull(),
    /** Worthless after this. */
    expiresAt: instant('expires_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    /** A keyed mark of the network whose request asked for it, never the address; null: nobody's did. */
    network: text('network'),
    /** What it was written for together with others, as in `sms_messages`: a bulk move; null: nothing. */
    source: uuid('source'),
    /** Its place in the line, lower first: lib/mail/mail-turn.ts. Rows of an earlier version count as the first of a stranger. */
    turn: integer('turn').notNull().default(201),
    /** Which process is sending it, and until when nobody else may. */
    leaseId: uuid('lease_id'),
    leasedUntil: instant('leased_until'),
    sentAt: instant('sent_at'),
    /** Given up, or never to be sent; `reason` says why. */
    endedAt: instant('ended_at'),
    reason: text('reason').$type<MailEnd>(),
  },
  // Further indexes are in db/concurrent-indexes.ts.
  (t) => [
    index('mails_user_index').on(t.userId, t.createdAt, t.id),
    index('mails_link_index').on(t.linkId),
    // Only what is over goes by age; so nobody's list is read along this one, through the mails of all.
    index('mails_age_index')
      .on(t.createdAt)
      .where(sql`${t.sentAt} is not null or ${t.endedAt} is not null`),
  ],
);

/**
 * `no_account`: the address has no account, so nothing was sent. `link_over`: its link was used or ended meanwhile.
 * `refused`: the mail server refuses it for good. `given_up`: the last attempt failed. `expired`: it came too late.
 * `superseded`: newer news took its place, or what it says was moot.
 */
export type MailEnd = 'no_account' | 'link_over' | 'refused' | 'given_up' | 'expired' | 'superseded';
