import { sql } from 'drizzle-orm';
import { bigint, check, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns';

/**
 * The ledger of consent to texts: a row per scope granted, withdrawn or resumed, never changed (triggers refuse update, delete
 * and truncate). It outlives the account, so `user_id` refers to nothing. Written by lib/consent/ledger.ts.
 */
export const smsConsents = pgTable(
  'sms_consents',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull(),
    userId: uuid('user_id').notNull(),
    phone: text('phone').notNull(),
    scope: text('scope').$type<ConsentScope>().notNull(),
    action: text('action').$type<ConsentAction>().notNull(),
    /** Which act: the box on a form, a STOP or START, a number lost to its new holder. */
    medium: text('medium').$type<ConsentMedium>().notNull(),
    /** Version and exact text shown, or, where consent is resumed, that it was given to; a withdrawal has neither. */
    wordingVersion: text('wording_version'),
    wording: text('wording'),
    sender: text('sender').notNull(),
  },
  (t) => [
    index('sms_consents_user_index').on(t.userId, t.id),
    index('sms_consents_phone_index').on(t.phone, t.id),
    check('sms_consents_scope_check', sql`${t.scope} in ('verification', 'updates')`),
    check('sms_consents_action_check', sql`${t.action} in ('granted', 'withdrawn', 'resumed')`),
    check(
      'sms_consents_wording_check',
      sql`${t.action} = 'withdrawn' or (${t.wordingVersion} is not null and ${t.wording} is not null)`,
    ),
  ],
);

/** `resumed`: a START took back the STOP that withdrew it. */
export type ConsentAction = 'granted' | 'withdrawn' | 'resumed';
export type ConsentScope = 'verification' | 'updates';
export type ConsentMedium =
  | 'registration'
  | 'code_page'
  | 'preferences'
  | 'sms_stop'
  | 'sms_start'
  | 'carrier_stop'
  | 'number_moved'
  | 'number_protected'
  | 'number_removed'
  | 'account_replaced'
  | 'account_deleted';

/** What of a consent is personal beyond the number itself, apart from the ledger so that it can be erased. */
export const smsConsentDetails = pgTable('sms_consent_details', {
  consentId: bigint('consent_id', { mode: 'number' })
    .primaryKey()
    .references(() => smsConsents.id),
  userId: uuid('user_id').notNull(),
  address: text('address'),
  userAgent: text('user_agent'),
});
