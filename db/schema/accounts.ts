import { sql } from 'drizzle-orm';
import { bigint, boolean, check, index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, instant, instants } from './columns';

/**
 * Everyone who can sign in. Written by lib/accounts/users.ts.
 *
 * State is derived: no `activated_at` means pending, a `deactivated_at` means shut. Whether `phone` is verified is not
 * stored here: it is when `phone_numbers.holder_user_id` of that number is this user.
 */
export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    /** As typed, trimmed. */
    email: text('email').notNull(),
    /** What it is told apart by: lib/accounts/email.ts. */
    emailKey: text('email_key').notNull(),
    name: text('name').notNull(),
    passwordHash: text('password_hash').notNull(),
    role: text('role').$type<Role>().notNull().default('applicant'),
    /** E.164. The number the person gave; proven or not. */
    phone: text('phone'),
    /** Someone else proved `phone` since; cleared when the person's number changes or is proven again. */
    phoneMovedAt: instant('phone_moved_at'),
    createdAt: instant('created_at').notNull(),
    activatedAt: instant('activated_at'),
    deactivatedAt: instant('deactivated_at'),
    passwordChangedAt: instant('password_changed_at').notNull(),
    /** When the person proved that they read mail at `email`; null: they have not, or it is another address since. */
    emailProvenAt: instant('email_proven_at'),
    /** When the password was last set without the old one; some changes wait for a while after that. */
    recoveredAt: instant('recovered_at'),
    /** Since when codes by text to `phone` are a second factor, as long as the person holds that number; null: they are none. */
    smsFactorSince: instant('sms_factor_since'),
    /** By which change: see columns.ts. */
    smsFactorChange: bigint('sms_factor_change', { mode: 'number' }),
    /** Until when a password alone may set up the first second factor of someone who must hold one. */
    enrollUntil: instant('enroll_until'),
    /** When a passkey was offered: once. */
    passkeyOfferedAt: instant('passkey_offered_at'),
    /** When its owner last decided to delete it: what its record had before has lost numbers and words, also where the account stayed. */
    deletionBegunAt: instant('deletion_begun_at'),
  },
  (t) => [
    uniqueIndex('users_email_unique').on(t.emailKey),
    index('users_phone_index')
      .on(t.phone)
      .where(sql`${t.phone} is not null`),
    // Who never finished registering: they expire by age.
    index('users_pending_index')
      .on(t.createdAt)
      .where(sql`${t.activatedAt} is null and ${t.deactivatedAt} is null`),
    // Few; counted before one of them may leave.
    index('users_admin_index')
      .on(t.id)
      .where(sql`${t.role} = 'admin'`),
    check('users_role_check', sql`${t.role} in ('applicant', 'broker', 'staff', 'admin')`),
    check('users_phone_e164_check', sql`${t.phone} ~ '^\\+[1-9][0-9]{6,14}$'`),
  ],
);

export type Role = 'applicant' | 'broker' | 'staff' | 'admin';

/** Signed-in browsers. A row is asked for on every request. Written by lib/accounts/sessions.ts. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: instant('created_at').notNull(),
    lastSeenAt: instant('last_seen_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    address: text('address'),
    userAgent: text('user_agent'),
    /** When the password was last given right, or a passkey. Of sessions from before this was kept: long ago. */
    authenticatedAt: instant('authenticated_at')
      .notNull()
      .default(sql`now()`),
    /** When a second factor was last given; null: none was. */
    secondFactorAt: instant('second_factor_at'),
    /** A trusted device took the second factor's place. */
    byTrustedDevice: boolean('by_trusted_device').notNull().default(false),
    /** Until when it may set up the first second factor; null: only as the account may (`users.enroll_until`). */
    enrollUntil: instant('enroll_until'),
  },
  (t) => [index('sessions_user_index').on(t.userId), index('sessions_expiry_index').on(t.expiresAt)],
);

/** Single-use, 60-second tickets from a checked password or code to a session. Minted by lib/accounts/users.ts, spent by
 * lib/accounts/sessions.ts. */
export const loginGrants = pgTable(
  'login_grants',
  {
    tokenHash: bytea('token_hash').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    expiresAt: instant('expires_at').notNull(),
    /** What the session is to hold, as there. */
    secondFactorAt: instant('second_factor_at'),
    byTrustedDevice: boolean('by_trusted_device').notNull().default(false),
    enrollUntil: instant('enroll_until'),
  },
  (t) => [index('login_grants_user_index').on(t.userId), index('login_grants_expiry_index').on(t.expiresAt)],
);

/**
 * Browsers that may do one thing for one user and nothing else, which is no session: finish the verification of a new account
 * (`activation`), or give the second factor after a right password (`second_factor`). Only the token's SHA-256 is kept.
 * Written by lib/accounts/pending.ts.
 */
export const pendingTokens = pgTable(
  'pending_tokens',
  {
    tokenHash: bytea('token_hash').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    purpose: text('purpose').$type<PendingPurpose>().notNull(),
    createdAt: instant('created_at').notNull(),
    lastUsedAt: instant('last_used_at').notNull(),
  },
  (t) => [index('pending_tokens_user_index').on(t.userId), index('pending_tokens_age_index').on(t.createdAt)],
);

export type PendingPurpose = 'activation' | 'second_factor';

/** Who did what to whose account, without secrets. Written by lib/audit.ts, in the transaction of the action. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull(),
    action: text('action').notNull(),
    userId: uuid('user_id'),
    actorId: uuid('actor_id'),
    address: text('address'),
    userAgent: text('user_agent'),
    details: jsonb('details').$type<Record<string, string | number | boolean | null>>().notNull().default({}),
  },
  // Further indexes are in db/concurrent-indexes.ts.
  (t) => [
    index('audit_log_user_index').on(t.userId, t.at),
    // What someone did to another's account; what they did to their own is found by `user_id`.
    index('audit_log_actor_index')
      .on(t.actorId)
      .where(sql`${t.actorId} is distinct from ${t.userId}`),
  ],
);

/**
 * The instants that count against one limit of one caller (an exact sliding window), or, for the coarse limits, when
 * the bucket is empty again. Written by lib/rate-limits/hits.ts and lib/rate-limits/by-address.ts.
 */
export const rateLimits = pgTable(
  'rate_limits',
  {
    key: text('key').primaryKey(),
    hits: instants('hits'),
    emptyAt: instant('empty_at').notNull(),
  },
  (t) => [index('rate_limits_empty_index').on(t.emptyAt)],
);
