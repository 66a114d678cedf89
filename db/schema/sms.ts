import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { users } from './accounts';
import { bytea, instant, instants } from './columns';
import type { SenderRole, StopMedium } from './consent';

/** What is counted at a number: lists of instants, the last of which was added last. */
const countedAtNumbers = ['prove', 'prove_again', 'sign_in', 'recover'].flatMap((name) => [
  `${name}_sends`,
  name === 'prove' ? 'failures' : `${name}_failures`,
]);

const lastActOn = sql.raw(
  `coalesce((greatest(${countedAtNumbers.map((name) => `${name}[cardinality(${name})]`).join(', ')}, undeliverable_at)
    at time zone 'UTC')::date, '-infinity')`,
);

/**
 * One row per number, and the lock that everything about the number takes: its exact limits (arrays of instants), its
 * failed guesses, its suppression and its proven holder, of whom there is at most one. Written by lib/sms/numbers/number.ts.
 */
export const phoneNumbers = pgTable(
  'phone_numbers',
  {
    number: text('number').primaryKey(),
    /** Sends that count, over all accounts, per class: none spends another's. */
    proveSends: instants('prove_sends'),
    proveAgainSends: instants('prove_again_sends'),
    signInSends: instants('sign_in_sends'),
    recoverSends: instants('recover_sends'),
    /**
     * Wrong codes of the last day, over all challenges, per class: a new code never resets them (NIST SP 800-63B-4
     * §3.2.2). The column of the class `prove` has its name from the time when there was one for all.
     */
    proveFailures: instants('failures'),
    proveAgainFailures: instants('prove_again_failures'),
    signInFailures: instants('sign_in_failures'),
    recoverFailures: instants('recover_failures'),
    /** Who did what counts in the class `prove`, for a day: lib/sms/numbers/subjects.ts. As many as those limits let be. */
    strangerActs: jsonb('stranger_acts').$type<StrangerAct[]>().notNull().default([]),
    holderUserId: uuid('holder_user_id').references(() => users.id, { onDelete: 'set null' }),
    heldSince: instant('held_since'),
    /**
     * Opted out by STOP, by the carrier, or in another way that we were told: since when, and how that was first said. Null: it takes
     * texts of every sender.
     */
    suppressedAt: instant('suppressed_at'),
    suppressedBy: text('suppressed_by').$type<StopMedium>(),
    /** Which of our senders text it no more until `START`; null while it has opted out: none of them does. */
    suppressedSenders: text('suppressed_senders').array().$type<SenderRole[]>(),
    /** Since when and by what those that were added later do; null: all of them since the first. */
    suppressedLater:
      jsonb('suppressed_later').$type<Partial<Record<SenderRole, { at: string; by: StopMedium }>>>(),
    /** At which of them a STOP was said that no START at the same one has taken back; null: that of the updates. */
    stopSaidTo: text('stop_said_to').array().$type<SenderRole[]>(),
    /** The carrier says it cannot be texted (landline, unknown, unreachable). */
    undeliverableAt: instant('undeliverable_at'),
    /**
     * Why it is in doubt whether its holder still has it (lib/sms/numbers/doubt.ts). The day, in UTC, for which a carrier last
     * listed it as taken out of service; null: none did since its holder entered a code there.
     */
    outOfServiceOn: date('out_of_service_on'),
    /** When texts found nobody there, at most one a day and the last four; none since a delivery or a right code. */
    deadTexts: instants('dead_texts'),
    /** When its holder last entered a code that was texted there, besides `held_since`: to sign in, or for a new password. */
    provenAgainAt: instant('proven_again_at'),
    /** The day, in UTC, of the last of all that: rows that say nothing any more are removed by it (lib/sms/numbers/forget-numbers.ts). */
    lastActOn: date('last_act_on').generatedAlwaysAs(lastActOn),
  },
  (t) => [
    index('phone_numbers_holder_index').on(t.holderUserId),
    index('phone_numbers_idle_index')
      .on(t.lastActOn)
      .where(sql`${t.holderUserId} is null and ${t.suppressedAt} is null`),
    check('phone_numbers_suppressed_senders_check', sql`${t.suppressedSenders} <@ array['updates', 'codes']`),
    check('phone_numbers_stop_said_to_check', sql`${t.stopSaidTo} <@ array['updates', 'codes']`),
  ],
);

/**
 * Which of a number's limits a code counts in. `prove`: asked for by someone who does not hold the number;
 * `prove_again`: by its proven holder; `sign_in` and `recover`: by someone who wants into the holder's account. So what
 * strangers do never spends the holder's sends and tries, and the other way round.
 */
export type SendClass = 'prove' | 'prove_again' | 'sign_in' | 'recover';

/** A counted send or a wrong code of someone who did not hold the number; the names are lib/sms/numbers/subjects.ts's. */
export type StrangerAct = {
  act: 'send' | 'failure';
  /** The instant it is counted at, in milliseconds. */
  atMs: number;
  account: string;
  /** Null: it came from no network of theirs. */
  network: string | null;
};

/** What a person wants of texts. One row per user. Written by lib/sms/preferences/preferences.ts. */
export const smsPreferences = pgTable('sms_preferences', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  /** "Send me SMS updates". */
  enabled: boolean('enabled').notNull().default(false),
  /** Which kinds of texts, while `enabled`: lib/sms/preferences/categories.ts says what belongs to each. */
  applicationStatus: boolean('application_status').notNull().default(true),
  reminders: boolean('reminders').notNull().default(true),
  security: boolean('security').notNull().default(true),
  /** Counts the changes of the switches above, so that two open pages notice each other. */
  textsVersion: integer('texts_version').notNull().default(1),
  quietHoursEnabled: boolean('quiet_hours_enabled').notNull().default(true),
  /** HH:MM wall time in `time_zone`. */
  quietHoursStart: text('quiet_hours_start').notNull().default('20:00'),
  quietHoursEnd: text('quiet_hours_end').notNull().default('09:00'),
  /** IANA; null: taken from the number. */
  timeZone: text('time_zone'),
  /** The same for the quiet hours and the zone. */
  quietHoursVersion: integer('quiet_hours_version').notNull().default(1),
  updatedAt: instant('updated_at').notNull(),
});

/**
 * Challenges: one number to be proven by one user. The code is derived from `nonce`, never stored. Open while neither
 * consumed nor ended nor past `expires_at`. Opened by lib/sms/verification/challenge.ts, decided by
 * lib/sms/verification/activation.ts.
 */
export const smsVerifications = pgTable(
  'sms_verifications',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    phone: text('phone').notNull(),
    purpose: text('purpose').$type<VerificationPurpose>().notNull(),
    /** The class its wrong codes count in, whoever holds the number by then. Never changes. */
    sendClass: text('send_class').$type<SendClass>().notNull().default('prove'),
    nonce: bytea('nonce').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    lastSentAt: instant('last_sent_at').notNull(),
    wrongTries: integer('wrong_tries').notNull().default(0),
    consumedAt: instant('consumed_at'),
    endedAt: instant('ended_at'),
    endedBy: text('ended_by').$type<
      'replaced' | 'number_changed' | 'skipped' | 'number_moved' | 'expired' | 'deactivated' | 'recovered'
    >(),
  },
  // Further indexes are in db/concurrent-indexes.ts.
  (t) => [
    uniqueIndex('sms_verifications_open_unique')
      .on(t.userId)
      .where(sql`${t.consumedAt} is null and ${t.endedAt} is null`),
    index('sms_verifications_user_index').on(t.userId, t.createdAt),
    index('sms_verifications_open_phone_index')
      .on(t.phone)
      .where(sql`${t.consumedAt} is null and ${t.endedAt} is null`),
    index('sms_verifications_expiry_index')
      .on(t.expiresAt)
      .where(sql`${t.consumedAt} is null and ${t.endedAt} is null`),
    check('sms_verifications_tries_check', sql`${t.wrongTries} between 0 and 5`),
  ],
);

/** `activate` opens a pending account; `prove` proves a number of someone signed in. */
export type VerificationPurpose = 'activate' | 'prove';

/**
 * Browsers that asked for a code by text to choose a new password, whether the email has an account or not: so nothing tells.
 * Only the SHA-256 of the browser's token is kept. `user_id` and `phone` are set once it is known where the code goes; null:
 * nowhere. The code is derived from `nonce`, never stored. Removed once it is past `expires_at`. Written by
 * lib/sms/verification/recovery.ts.
 */
export const recoveries = pgTable(
  'recoveries',
  {
    id: uuid('id').primaryKey(),
    tokenHash: bytea('token_hash').notNull(),
    /** As typed. */
    email: text('email').notNull(),
    /** What it is told apart by: lib/accounts/email.ts. */
    emailKey: text('email_key').notNull(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** E.164. */
    phone: text('phone'),
    nonce: bytea('nonce').notNull(),
    address: text('address').notNull(),
    userAgent: text('user_agent'),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    /** A code was asked for at this moment, and nobody has looked yet whether one may go out; null: that is settled. */
    askedAt: instant('asked_at'),
    /** It was asked for in a browser that the account knows, which has sends and tries that no stranger spends. */
    inKnownBrowser: boolean('in_known_browser').notNull().default(false),
    wrongTries: integer('wrong_tries').notNull().default(0),
    consumedAt: instant('consumed_at'),
    endedAt: instant('ended_at'),
  },
  (t) => [
    uniqueIndex('recoveries_token_unique').on(t.tokenHash),
    index('recoveries_asked_index')
      .on(t.askedAt)
      .where(sql`${t.askedAt} is not null`),
    index('recoveries_asked_known_index')
      .on(t.askedAt)
      .where(sql`${t.askedAt} is not null and ${t.inKnownBrowser}`),
    index('recoveries_user_index').on(t.userId),
    index('recoveries_phone_index')
      .on(t.phone)
      .where(sql`${t.phone} is not null`),
    index('recoveries_expiry_index').on(t.expiresAt),
    check('recoveries_tries_check', sql`${t.wrongTries} between 0 and 5`),
  ],
);

/**
 * Codes by text that are a second factor: one at a time for each person, beside the challenges that prove numbers, so that nobody
 * who signs in ends those. The code is derived from `nonce`, never stored. Removed once it is past `expires_at`. Written by
 * lib/sms/verification/sign-in-code.ts.
 */
export const signInCodes = pgTable(
  'sign_in_codes',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** E.164. */
    phone: text('phone').notNull(),
    nonce: bytea('nonce').notNull(),
    lastSentAt: instant('last_sent_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    consumedAt: instant('consumed_at'),
  },
  (t) => [
    uniqueIndex('sign_in_codes_user_unique').on(t.userId),
    index('sign_in_codes_phone_index').on(t.phone),
    index('sign_in_codes_expiry_index').on(t.expiresAt),
  ],
);

/**
 * Every send, refusal, wrong code, expiry, success and skip. Refusals of one kind, number and hour are one row
 * (`fold_key`). Written by lib/sms/verification/verification-log.ts.
 */
export const smsVerificationLog = pgTable(
  'sms_verification_log',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull(),
    event: text('event').$type<VerificationEvent>().notNull(),
    reason: text('reason'),
    phone: text('phone'),
    /** In the place of `phone` once that is erased: lib/phone/mark.ts. */
    phoneMark: text('phone_mark'),
    /** In a row of several refusals this and the next columns are kept only as long as all of them agree. */
    userId: uuid('user_id'),
    challengeId: uuid('challenge_id'),
    address: text('address'),
    userAgent: text('user_agent'),
    /**
     * A keyed mark of the network that asked for a code, granted or not: what the line of codes counts
     * (lib/sms/capacity/send-order.ts).
     */
    network: text('network'),
    details: jsonb('details').$type<Record<string, string | number | boolean | null>>(),
    /** How many refusals this row counts; `at` is the first of them … */
    times: integer('times').notNull().default(1),
    /** … and this the last; null: the row is one event alone. */
    lastAt: instant('last_at'),
    /** A keyed mark of kind, number and hour; null: nothing is added to this row. */
    foldKey: text('fold_key'),
    /** How often each account was refused, and when last (in milliseconds), … */
    accounts: jsonb('accounts').$type<Record<string, [times: number, lastMs: number]>>(),
    /** … and how often each network, by its mark and the hour (lib/sms/capacity/network-hour.ts); a hundred of each at most. */
    networks: jsonb('networks').$type<Record<string, number>>(),
  },
  // Further indexes are in db/concurrent-indexes.ts.
  (t) => [
    index('sms_verification_log_network_index')
      .on(t.network, t.at)
      .where(sql`${t.network} is not null`),
    uniqueIndex('sms_verification_log_fold_unique')
      .on(t.foldKey)
      .where(sql`${t.foldKey} is not null`),
    index('sms_verification_log_user_index').on(t.userId, t.id),
    index('sms_verification_log_phone_index').on(t.phone, t.id),
    index('sms_verification_log_at_index').on(t.at, t.id),
    // Admins look for a number by its last digits, the only ones they are shown.
    index('sms_verification_log_last_digits_index').on(sql`right(${t.phone}, 4)`, t.at, t.id),
    // Rare, and asked for whenever staff look at their dashboard.
    index('sms_verification_log_protected_index')
      .on(t.at)
      .where(sql`${t.reason} = 'number_protected'`),
  ],
);

export type VerificationEvent =
  | 'send_requested'
  | 'send_refused'
  | 'wrong_code'
  | 'check_refused'
  | 'verified'
  | 'expired'
  | 'replaced'
  | 'skipped';

/**
 * The outbox and the record of every text, either way. A row is an intent until `sent`; the body of a code is rendered
 * at the moment of sending and never stored. Written by lib/sms/outbox/text-outbox.ts (new rows), lib/sms/dispatch/dispatch.ts
 * (sending), lib/sms/delivery/status-report.ts (what became of it) and lib/sms/inbound/receive-text.ts (texts from people).
 */
export const smsMessages = pgTable(
  'sms_messages',
  {
    id: uuid('id').primaryKey(),
    direction: text('direction').$type<'out' | 'in'>().notNull().default('out'),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    /** The other side's number: of the person who gets it, or who sent it. Empty once it is erased. */
    phone: text('phone').notNull(),
    /** In its place, where evidence needs it: lib/phone/mark.ts. */
    phoneMark: text('phone_mark'),
    /** All that is about someone was taken out of the row by its age. */
    erasedAt: instant('erased_at'),
    purpose: text('purpose').$type<MessagePurpose>().notNull(),
    template: text('template').notNull(),
    params: jsonb('params').$type<Record<string, string>>().notNull().default({}),
    challengeId: uuid('challenge_id'),
    /** The instant in its number's row that this text was counted at; no longer counted if it was never accepted … */
    countedAt: instant('counted_at'),
    /** … in this class, which decides its place in the line (lib/sms/capacity/send-order.ts) and who pays, too; null: `prove`. */
    sendClass: text('send_class').$type<SendClass>(),
    /** Codes only: a keyed mark of the network that asked, never the address, … */
    network: text('network'),
    /** … and of the wider one around it, as providers are given them (lib/sms/capacity/asked-from.ts). */
    wideNetwork: text('wide_network'),
    /** Codes only: how many turns later one goes for those that waited from the same wide network when it was asked for, … */
    wideTurns: smallint('wide_turns'),
    /** … and for those of its number prefix (lib/sms/capacity/send-order.ts). */
    prefixTurns: smallint('prefix_turns'),
    /** Of many that are wished for at once: which of them it belongs to, such as a bulk move; they go in turns. Null: of none. */
    source: uuid('source'),
    /** The accepted text that this one repeats, because the carrier could not deliver it just then. */
    retryOf: uuid('retry_of'),
    retries: integer('retries').notNull().default(0),
    dedupeKey: text('dedupe_key').unique(),
    /** The request that it was wished for in, as the log has it (lib/request-scope.ts); null: none. */
    requestId: text('request_id'),
    createdAt: instant('created_at').notNull(),
    sendAfter: instant('send_after').notNull(),
    /** Worthless after this: not sent any more. */
    expiresAt: instant('expires_at'),

    status: text('status').$type<MessageStatus>().notNull().default('queued'),
    /** Calls to the provider so far. */
    attempts: integer('attempts').notNull().default(0),
    /** Times that something of our own failed while it was handled; the fifth ends it as `internal_error`. */
    faults: integer('faults').notNull().default(0),
    firstClaimedAt: instant('first_claimed_at'),
    /** The last time that quiet hours put it off; null: they never did. */
    heldAt: instant('held_at'),
    /** Until then one dispatcher has claimed it; the exact value is that dispatcher's ticket for writing the outcome. */
    leaseUntil: instant('lease_until'),
    /** Set before each call, cleared by its outcome: as long as it is set, look the text up before sending it again. */
    unknownSince: instant('unknown_since'),
    /** Look-ups since `unknown_since`. */
    lookUps: integer('look_ups').notNull().default(0),
    /** The last call, or the last time one was held back because the provider refuses us altogether. */
    attemptedAt: instant('attempted_at'),
    /** The last call met a fault of the provider (timeout, 5xx, 20003); cleared when a text is accepted. */
    faultedAt: instant('faulted_at'),
    sender: text('sender'),
    providerSid: text('provider_sid').unique(),
    sentAt: instant('sent_at'),
    deliveredAt: instant('delivered_at'),
    failedAt: instant('failed_at'),
    /** What the provider calls its state; only ever moves forward in the order of lib/sms/delivery/status-report.ts. */
    providerStatus: text('provider_status'),
    errorCode: integer('error_code'),
    /**
     * Why it failed, was held or was not sent: a reason of lib/sms/dispatch/send-policy.ts or lib/sms/delivery/error-codes.ts.
     */
    reason: text('reason'),
    /** Which rule refused or held it, with the value and the limit. */
    details: jsonb('details').$type<MessageDetails>(),
    segments: integer('segments'),
    /** US dollars, exact: what it costs, reserved (the estimate) until settled (what the provider reported). */
    price: numeric('price', { precision: 12, scale: 6 }),
    /** What was estimated when it was reserved; null while nothing is reserved. */
    estimatedPrice: numeric('estimated_price', { precision: 12, scale: 6 }),
    /** The moment its price begins to count against the rolling-day budgets. */
    reservedAt: instant('reserved_at'),
    /** Which sums of sms_spend it counts in: lib/sms/capacity/budget.ts. */
    spendScopes: text('spend_scopes').array(),
    /** When the price that counts was told. */
    priceSettledAt: instant('price_settled_at'),
    /** When to ask the provider what became of it, or what it cost; null: nothing is missing. */
    checkAt: instant('check_at'),
    reconciledAt: instant('reconciled_at'),
    /** Inbound texts only. */
    body: text('body'),
  },
  // Further indexes are in db/concurrent-indexes.ts.
  (t) => [
    index('sms_messages_due_index')
      .on(t.sendAfter)
      .where(sql`${t.status} = 'queued'`),
    index('sms_messages_due_code_index')
      .on(t.sendAfter)
      .where(sql`${t.status} = 'queued' and ${t.purpose} = 'verification'`),
    index('sms_messages_sending_index')
      .on(t.sendAfter)
      .where(sql`${t.status} = 'sending'`),
    index('sms_messages_check_index')
      .on(t.checkAt)
      .where(sql`${t.checkAt} is not null`),
    index('sms_messages_spend_index')
      .on(t.reservedAt, t.price)
      .where(sql`${t.price} is not null`),
    index('sms_messages_attempted_index')
      .on(t.attemptedAt)
      .where(sql`${t.attemptedAt} is not null`),
    index('sms_messages_created_index').on(t.createdAt, t.id),
    // Admins look for a number by its last digits, the only ones they are shown.
    index('sms_messages_last_digits_index').on(sql`right(${t.phone}, 4)`, t.createdAt, t.id),
    // The states that are looked for among very many texts that went well, each by itself.
    index('sms_messages_status_index')
      .on(t.status, t.createdAt, t.id)
      .where(sql`${t.status} in ('sent', 'failed', 'canceled', 'received')`),
    index('sms_messages_challenge_index')
      .on(t.challengeId)
      .where(sql`${t.challengeId} is not null`),
    check(
      'sms_messages_status_check',
      sql`${t.status} in ('queued', 'sending', 'sent', 'delivered', 'failed', 'canceled', 'received')`,
    ),
  ],
);

export type MessageDetails = Record<string, string | number | boolean | null>;

export type MessagePurpose = 'verification' | 'update' | 'notice' | 'reply' | 'test' | 'inbound';
/** queued → sending → sent → delivered or failed; canceled: withdrawn before it was sent; received: from a person. */
export type MessageStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'failed' | 'canceled' | 'received';

/** When each sender may start its next text, over all processes. Written by lib/sms/capacity/send-rate.ts. */
export const smsSenders = pgTable('sms_senders', {
  sender: text('sender').primaryKey(),
  nextSlotAt: instant('next_slot_at').notNull(),
  /** The provider refused us altogether (bad credentials, sender not registered): nothing is sent until this moment. */
  stoppedUntil: instant('stopped_until'),
  stoppedReason: text('stopped_reason'),
});

/**
 * What texts cost in one minute, settled and reserved, in millionths of a dollar: for everyone, and for each that a cap
 * counts (a person, a network …, as a keyed mark). The sums of a rolling day are over at most 1,441 rows, however many
 * texts there were. Written by lib/sms/capacity/budget.ts.
 */
export const smsSpend = pgTable(
  'sms_spend',
  {
    scope: text('scope').notNull(),
    minute: instant('minute').notNull(),
    micros: bigint('micros', { mode: 'bigint' }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.scope, t.minute] }), index('sms_spend_minute_index').on(t.minute)],
);

/**
 * How many calls of the webhooks were refused in each hour, and why: a row per kind of refusal, however many there are.
 * Written by lib/sms/webhooks/refused-calls.ts.
 */
export const webhookRefusals = pgTable(
  'webhook_refusals',
  {
    hour: instant('hour').notNull(),
    webhook: text('webhook').$type<Webhook>().notNull(),
    reason: text('reason').$type<RefusalReason>().notNull(),
    /** Whether the calls named our account, as far as they could be read; anyone can write that. */
    namesUs: boolean('names_us').notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
    firstAt: instant('first_at').notNull(),
    lastAt: instant('last_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.hour, t.webhook, t.reason, t.namesUs] })],
);

/**
 * How many calls of the webhooks were signed by the provider, in each hour. Written by lib/sms/webhooks/accepted-calls.ts.
 */
export const webhookCalls = pgTable(
  'webhook_calls',
  {
    hour: instant('hour').notNull(),
    webhook: text('webhook').$type<Webhook>().notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
    lastAt: instant('last_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.hour, t.webhook] })],
);

export type Webhook = 'status' | 'inbound';
export type RefusalReason =
  'no_signature' | 'wrong_signature' | 'wrong_account' | 'wrong_method' | 'too_long' | 'cut';

/**
 * Up to which moment each sender's inbound texts were read from the provider's own list. Written by
 * lib/sms/inbound/missed-inbound.ts.
 */
export const smsInboundReads = pgTable('sms_inbound_reads', {
  sender: text('sender').primaryKey(),
  readUntil: instant('read_until').notNull(),
  /** When they are read again. While they are being read: when whoever does so is given up; its exact value is the ticket. */
  nextAt: instant('next_at').notNull(),
});

/**
 * Codes that were entered right, until the provider was told so or was told in vain too often. Written by
 * lib/sms/outbox/entered-codes.ts, together with what the code did.
 */
export const smsEnteredCodes = pgTable(
  'sms_entered_codes',
  {
    /** As in `sms_messages.challenge_id`. */
    challengeId: uuid('challenge_id').primaryKey(),
    enteredAt: instant('entered_at').notNull(),
    /** When to tell the provider. While it is being told: when it is told again, should nothing be heard of that. */
    dueAt: instant('due_at').notNull(),
    tries: integer('tries').notNull().default(0),
  },
  (t) => [index('sms_entered_codes_due_index').on(t.dueAt)],
);

/**
 * What codes were entered for that strangers had asked for, until that counts in `sms_spend` by what the texts cost: a quarter of an
 * hour at most. Written by lib/sms/capacity/entered-sums.ts, together with what the code did.
 */
export const smsCodesToCount = pgTable('sms_codes_to_count', {
  /** As in `sms_messages.challenge_id`. */
  challengeId: uuid('challenge_id').primaryKey(),
  /** When it was counted by what was reserved. */
  countedAt: instant('counted_at'),
});

/**
 * Through which day the carriers' lists of numbers out of service were read. Written by lib/sms/delivery/read-deactivations.ts.
 */
export const smsDeactivationReads = pgTable('sms_deactivation_reads', {
  provider: text('provider').primaryKey(),
  readThrough: date('read_through').notNull(),
  /** As in `sms_inbound_reads`. */
  nextAt: instant('next_at').notNull(),
});

/**
 * Days whose list of numbers out of service would have put too many of ours in doubt, until an operator says what to do. Written by
 * lib/sms/delivery/lists-aside.ts.
 */
export const smsDeactivationsAside = pgTable('sms_deactivations_aside', {
  day: date('day').primaryKey(),
  putAsideAt: instant('put_aside_at').notNull(),
  /** How many numbers the list had. */
  numbers: integer('numbers').notNull(),
  /** How many of those that accounts hold it would have put in doubt, and how many they held. */
  wouldMark: integer('would_mark').notNull(),
  held: integer('held').notNull(),
});
