import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { users, type Role } from './accounts';
import { accountChange, bytea, instant } from './columns';

const owner = () =>
  uuid('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' });

/** Passkeys (WebAuthn credentials): one alone signs its person in. Written by lib/auth/two-factor/passkeys.ts. */
export const passkeys = pgTable(
  'passkeys',
  {
    id: uuid('id').primaryKey(),
    userId: owner(),
    /** The authenticator's own name for it, base64url. */
    credentialId: text('credential_id').notNull(),
    /** COSE. */
    publicKey: bytea('public_key').notNull(),
    /** How often it was used, as the authenticator says; 0 for ever where it does not count. */
    counter: bigint('counter', { mode: 'number' }).notNull(),
    /** How the browser may reach it: `internal`, `hybrid`, `usb` … */
    transports: text('transports').array().notNull(),
    /** Given by its person. */
    name: text('name').notNull(),
    /** Kept by a password manager on several devices. */
    backedUp: boolean('backed_up').notNull(),
    createdAt: instant('created_at').notNull(),
    change: accountChange('change'),
    lastUsedAt: instant('last_used_at'),
  },
  (t) => [
    uniqueIndex('passkeys_credential_unique').on(t.credentialId),
    index('passkeys_user_index').on(t.userId),
  ],
);

/** Challenges of passkeys that were answered, until they expire: none is answered twice. Written by the same file. */
export const spentPasskeyChallenges = pgTable(
  'spent_passkey_challenges',
  { challengeHash: bytea('challenge_hash').primaryKey(), expiresAt: instant('expires_at').notNull() },
  (t) => [index('spent_passkey_challenges_expiry_index').on(t.expiresAt)],
);

/**
 * Keys of authenticator apps (TOTP), sealed under AUTH_SECRET. A person has one that counts (`confirmed_at`), and at most one
 * beside it that waits for its first code. Written by lib/auth/two-factor/totp.ts.
 */
export const totpKeys = pgTable(
  'totp_keys',
  {
    id: uuid('id').primaryKey(),
    userId: owner(),
    sealedKey: text('sealed_key').notNull(),
    /** Which secret of AUTH_SECRET sealed it: lib/seal.ts. */
    sealedWith: text('sealed_with').notNull(),
    createdAt: instant('created_at').notNull(),
    confirmedAt: instant('confirmed_at'),
    /** That by which it counts, or was begun. */
    change: accountChange('change'),
    /** The time step of the last code that was right: none of that step or before counts any more. */
    lastStep: bigint('last_step', { mode: 'number' }),
    lastUsedAt: instant('last_used_at'),
  },
  (t) => [
    uniqueIndex('totp_keys_confirmed_unique')
      .on(t.userId)
      .where(sql`${t.confirmedAt} is not null`),
    uniqueIndex('totp_keys_waiting_unique')
      .on(t.userId)
      .where(sql`${t.confirmedAt} is null`),
    index('totp_keys_user_index').on(t.userId),
    index('totp_keys_sealed_index').on(t.sealedWith),
  ],
);

/**
 * Ten recovery codes at a time. A set counts once one of its codes was typed back; until then the codes are kept sealed, to be
 * shown again, and an earlier set goes on counting. Written by lib/auth/two-factor/recovery-codes.ts.
 */
export const recoveryCodeSets = pgTable(
  'recovery_code_sets',
  {
    id: uuid('id').primaryKey(),
    userId: owner(),
    sealedCodes: text('sealed_codes'),
    createdAt: instant('created_at').notNull(),
    confirmedAt: instant('confirmed_at'),
    /** That by which it counts, or was begun. */
    change: accountChange('change'),
  },
  (t) => [
    uniqueIndex('recovery_code_sets_confirmed_unique')
      .on(t.userId)
      .where(sql`${t.confirmedAt} is not null`),
    uniqueIndex('recovery_code_sets_waiting_unique')
      .on(t.userId)
      .where(sql`${t.confirmedAt} is null`),
    index('recovery_code_sets_user_index').on(t.userId),
  ],
);

/** Each code's SHA-256: with 120 random bits no slow hash is needed (NIST SP 800-63B-4 3.1.2.2). */
export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    codeHash: bytea('code_hash').primaryKey(),
    setId: uuid('set_id')
      .notNull()
      .references(() => recoveryCodeSets.id, { onDelete: 'cascade' }),
    usedAt: instant('used_at'),
  },
  (t) => [index('recovery_codes_set_index').on(t.setId)],
);

/** Wrong codes in a row after a right password, over all factors of an account. Written by lib/auth/two-factor/tries.ts. */
export const secondFactorTries = pgTable('second_factor_tries', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  wrongInARow: integer('wrong_in_a_row').notNull(),
  pausedUntil: instant('paused_until'),
});

/** Wrong second factors of everyone in each hour, for an alert. Written by lib/auth/two-factor/tries.ts. */
export const secondFactorFailures = pgTable('second_factor_failures', {
  hour: instant('hour').primaryKey(),
  wrong: integer('wrong').notNull(),
});

/** Browsers that skip the second factor after a right password, for 30 days. Written by lib/accounts/trusted-devices.ts. */
export const trustedDevices = pgTable(
  'trusted_devices',
  {
    id: uuid('id').primaryKey(),
    userId: owner(),
    /** Of the token in its cookie, which is another one after each use. */
    tokenHash: bytea('token_hash').notNull(),
    createdAt: instant('created_at').notNull(),
    lastUsedAt: instant('last_used_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    address: text('address'),
    userAgent: text('user_agent'),
  },
  (t) => [
    index('trusted_devices_user_index').on(t.userId),
    index('trusted_devices_expiry_index').on(t.expiresAt),
  ],
);

/** Until when the people of a role may work without a second factor. Written by lib/auth/admin/second-factor-grace.ts. */
export const secondFactorGrace = pgTable('second_factor_grace', {
  role: text('role').$type<Role>().primaryKey(),
  endsAt: instant('ends_at').notNull(),
});
