import { sql } from 'drizzle-orm';
import { bigint, boolean, check, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
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
    /** The name of the site. */
    sender: text('sender').notNull(),
    /**
     * Of a grant, and of what resumes it; null in withdrawals and in rows that are older than these columns: the language
     * of the wording (BCP 47) …
     */
    language: text('language'),
    /** … the legal person who sends; null where none is set … */
    legalSender: text('legal_sender'),
    /** … the from-number or the SID of the messaging service that it was given for … */
    sentFrom: text('sent_from'),
    /** … and the path of the page on which the box was ticked. */
    page: text('page'),
  },
  (t) => [
    index('sms_consents_user_index').on(t.userId, t.id),
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
/**
 * Our senders, by what they send: `codes` sends codes alone, where it is set up; `updates` sends everything else, or everything where
 * there is no other.
 */
export type SenderRole = 'updates' | 'codes';

export type ConsentMedium =
  | 'registration'
  | 'code_page'
  | 'preferences'
  | 'second_factor'
  | 'sms_stop'
  | 'sms_start'
  | 'carrier_stop'
  | 'recorded_stop'
  | 'number_moved'
  | 'number_protected'
  | 'number_removed'
  | 'account_replaced'
  | 'account_claimed'
  | 'account_disowned'
  | 'account_expired'
  | 'account_deleted';

/** How a number opts out of all texts: STOP, the carrier's word, or what one of the operator's people was told. */
export type StopMedium = Extract<ConsentMedium, 'sms_stop' | 'carrier_stop' | 'recorded_stop'>;

/** What of a consent is personal beyond the number itself, apart from the ledger so that it can be erased. */
export const smsConsentDetails = pgTable('sms_consent_details', {
  consentId: bigint('consent_id', { mode: 'number' })
    .primaryKey()
    .references(() => smsConsents.id),
  userId: uuid('user_id').notNull(),
  address: text('address'),
  userAgent: text('user_agent'),
});

/**
 * STOPs of numbers that very many accounts name, until the withdrawals of all of them are in the ledger: of a number one at most,
 * and one that was found late. Readers take what it withdraws for withdrawn already. Written by lib/consent/ledger.ts.
 */
export const smsUnfinishedStops = pgTable(
  'sms_unfinished_stops',
  {
    phone: text('phone').notNull(),
    isLate: boolean('is_late').notNull(),
    medium: text('medium').$type<StopMedium>().notNull(),
    /** What it withdraws. */
    scopes: text('scopes').array().$type<ConsentScope[]>().notNull().default(['verification', 'updates']),
    /** When it was said. */
    at: instant('at').notNull(),
    /** Whoever agreed later keeps it; null: nobody, but by `through_id`. */
    agreedBefore: instant('agreed_before'),
    /** It is about rows of the ledger up to this one. */
    throughId: bigint('through_id', { mode: 'number' }).notNull(),
    /** The accounts up to this one are done. */
    afterUserId: uuid('after_user_id').notNull(),
  },
  (t) => [primaryKey({ columns: [t.phone, t.isLate] })],
);

/**
 * The ledger of opt-outs: a row each time someone asked for no more texts, or took that back, also where no account ever
 * consented. Never changed (triggers refuse update, delete and truncate), and kept for ten years at least (Code of Virginia
 * § 59.1-514). Written by lib/consent/opt-out-ledger.ts.
 */
export const smsOptOuts = pgTable(
  'sms_opt_outs',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** When it was said: a text that was found late, the moment it was sent. */
    at: instant('at').notNull(),
    /** When this row was written; null: at the same moment. */
    recordedAt: instant('recorded_at'),
    phone: text('phone').notNull(),
    act: text('act').$type<'opted_out' | 'lifted'>().notNull(),
    channel: text('channel').$type<OptOutChannel>().notNull(),
    /** What it is about: all scopes, or updates alone. */
    covers: text('covers').array().$type<ConsentScope[]>().notNull(),
    /**
     * Which of our senders text the number no more, or again; none where it was said on a page. Null: the row is older than this
     * column, and is about all of them where it is about all scopes.
     */
    senders: text('senders').array().$type<SenderRole[]>(),
    /** Which of our senders it was said to, or is blocked by the carrier; null: none, or the row is older than this column. */
    saidTo: text('said_to').$type<SenderRole>(),
    /** The number or service of ours that it was said to, or that the carrier blocks; null: said on a page. */
    sender: text('sender'),
    /** What the person wrote, as far as it is kept, or what was noted of it; null: no words were written. */
    words: text('words'),
    /** The provider's id of the text that said it, or that was refused. */
    providerSid: text('provider_sid'),
    /** Who turned texts off on a page; null where it came by text or from the carrier. */
    userId: uuid('user_id'),
    recordedBy: text('recorded_by').$type<OptOutRecorder>().notNull(),
  },
  (t) => [
    check('sms_opt_outs_act_check', sql`${t.act} in ('opted_out', 'lifted')`),
    check(
      'sms_opt_outs_channel_check',
      sql`${t.channel} in ('text', 'carrier', 'web', 'phone', 'letter', 'other')`,
    ),
    check(
      'sms_opt_outs_covers_check',
      sql`${t.covers} <@ array['verification', 'updates'] and ${t.covers} <> '{}'`,
    ),
    check('sms_opt_outs_said_to_check', sql`${t.saidTo} in ('updates', 'codes')`),
    check('sms_opt_outs_senders_check', sql`${t.senders} <@ array['updates', 'codes']`),
  ],
);

export type OptOutChannel = 'text' | 'carrier' | 'web' | 'phone' | 'letter' | 'other';
/**
 * The webhook for inbound texts, the provider's list of them, a status report or answer about one of ours, the person, or one of
 * the operator's people.
 */
export type OptOutRecorder = 'inbound_webhook' | 'inbound_list' | 'status_report' | 'person' | 'staff';
