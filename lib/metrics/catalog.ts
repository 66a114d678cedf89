import type { MessagePurpose, RefusalReason, Webhook } from '@/db/schema/sms';

/** What is counted as it happens: a counter, or a histogram of seconds with the upper ends of its buckets. */
export type MeterSpec = {
  name: string;
  help: string;
  /** Every value that each label may have: nothing from outside ever becomes one. */
  labels: Record<string, readonly string[]>;
  /** Changed only together with the name: what was counted by the old ones cannot be told apart again. */
  buckets?: readonly number[];
};

/** Purposes of texts that go out. */
export const sentPurposes = [
  'verification',
  'update',
  'notice',
  'reply',
  'test',
] as const satisfies readonly MessagePurpose[];

const webhooks = ['status', 'inbound'] as const satisfies readonly Webhook[];
const webhookReasons = [
  'no_signature',
  'wrong_signature',
  'wrong_account',
  'wrong_method',
  'too_long',
  'cut',
] as const satisfies readonly RefusalReason[];

/** What refuses somebody; a name that is missing here counts as `other`. */
export const refusalRules = [
  // A network asks too often (limits.perAddress).
  'address_register',
  'address_sign_in',
  'address_send',
  'address_check',
  // What is counted in rate_limits, by the names of lib/rate-limits/hits.ts's `limitKeys`.
  'bulk_aims_by',
  'bulk_drafts_by',
  'enroll_mail',
  'mail_address',
  'mail_address_network',
  'mail_known_browser',
  'mail_known_browsers',
  'mail_network',
  'mail_new_device',
  'moves_by',
  'moves_of',
  'notes_by',
  'notes_of',
  'opened_by',
  'opt_outs_by',
  'opt_outs_hour',
  'opt_outs_step',
  'password_email',
  'password_email_address',
  'password_known_browser',
  'password_session',
  'recovery_email',
  'recovery_email_network',
  'recovery_failure',
  'recovery_failure_known',
  'recovery_failure_network',
  'recovery_known_browser',
  'recovery_known_browsers',
  'recovery_network',
  'settings',
  'test_text',
  // Of a code that is asked for, or entered.
  'stopped',
  'undeliverable',
  'number_locked',
  'too_soon',
  'send_limit',
  'network_asked',
  'range_closed',
  'network_closed',
  'crowded',
  'no_challenge',
  'expired',
  'tries_spent',
  // Caps of the budget.
  'SMS_DAILY_BUDGET_USD',
  'SMS_DAILY_BUDGET_PER_USER_USD',
  'all_but_kept',
  'share_of_updates',
  'share_of_many',
  'strangers_share',
  'wide_network_share',
  'network_share',
  'prefix_share',
  // Our listener, before Next.
  'listener_crowded',
  'listener_slow',
  'listener_pipelined',
  'listener_connections',
  'listener_broken',
  // Too many passwords wait to be hashed.
  'password_queue',
  'other',
] as const;

/** What processes count. docs/operations.md says what each tells. */
export const meterSpecs = {
  sends: {
    name: 'doorstep_sms_send_seconds',
    help: 'Seconds from the wish to send a text until the provider had it, or until the dispatcher ended it.',
    labels: {
      purpose: sentPurposes,
      outcome: ['sent', 'sent_after_hold', 'failed', 'canceled', 'unknown'],
    },
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600],
  },
  deliveries: {
    name: 'doorstep_sms_delivery_seconds',
    help: 'Seconds from the wish to send a text until the provider reported its delivery or its failure.',
    labels: { purpose: sentPurposes, outcome: ['delivered', 'delivered_after_hold', 'failed'] },
    buckets: [1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 108_000],
  },
  webhookRefusals: {
    name: 'doorstep_webhook_refusals_total',
    help: 'Calls of the webhooks that were not heard.',
    labels: { webhook: webhooks, reason: webhookReasons },
  },
  refusals: {
    name: 'doorstep_refusals_total',
    help: 'How often each rule refused someone.',
    labels: { rule: refusalRules },
  },
  hashWait: {
    name: 'doorstep_hash_wait_seconds',
    help: 'Seconds that a password waited for its turn to be hashed.',
    labels: { lane: ['hash', 'verify', 'verify_known'] },
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  },
  poolWait: {
    name: 'doorstep_pool_wait_seconds',
    help: 'Seconds that a statement or transaction waited for a connection to the database.',
    labels: {},
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 5],
  },
} as const satisfies Record<string, MeterSpec>;

export type MeterName = keyof typeof meterSpecs;

/** The labels of a meter, each with a value that the list above has. */
export type MeterLabels<Name extends MeterName> = {
  [
    Label in keyof (typeof meterSpecs)[Name]['labels']
  ]: (typeof meterSpecs)[Name]['labels'][Label] extends readonly (infer Value)[] ? Value : never;
};

/** What is read at the moment somebody asks for the figures (lib/reporting/print-metrics.ts). */
export const gaugeSpecs = {
  build: { name: 'doorstep_build_info', help: 'Always 1; the label is the version that answers.' },
  queueAge: {
    name: 'doorstep_sms_queue_age_seconds',
    help: 'For how long the oldest text of a purpose has been due; 0: none is.',
  },
  budgetSpent: {
    name: 'doorstep_sms_budget_spent_dollars',
    help: 'Spent and reserved in the last 24 hours.',
  },
  budgetLimit: {
    name: 'doorstep_sms_budget_limit_dollars',
    help: 'What may be spent in 24 hours (SMS_DAILY_BUDGET_USD).',
  },
  alarms: { name: 'doorstep_open_alarms', help: 'Alarms that are open, by their name.' },
  ledgerDifferences: {
    name: 'doorstep_ledger_differences',
    help: 'What the last checks of the ledgers found not to agree, by kind.',
  },
  ledgerAge: {
    name: 'doorstep_ledger_check_age_seconds',
    help: 'Seconds since budget, numbers, opt-outs, consents, their wordings and the last 35 days were all checked; +Inf: never.',
  },
  dispatcherRound: {
    name: 'doorstep_dispatcher_round_age_seconds',
    help: 'Seconds since a dispatcher last ended its round of a minute; +Inf: none ever has.',
  },
  unread: {
    name: 'doorstep_gauges_unread',
    help: '1: the database did not answer in time, so queue age, budget, alarms, ledgers and the round are missing here.',
  },
} as const;
