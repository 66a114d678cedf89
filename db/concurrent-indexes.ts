import type { Client } from 'pg';

/** An index to be built while everyone goes on reading and writing. */
export type ConcurrentIndex = {
  name: string;
  /** Everything after the name: `on sms_messages (phone) where …`. */
  on: string;
  isUnique?: boolean;
};

/**
 * Indexes on tables that are too large to be locked while one is built. A migration cannot build them, because it is a
 * transaction; so they are here and not in `db/schema`, and drizzle knows nothing of them. To drop one, move its name to
 * `retiredIndexes`. One that an `on conflict` names belongs into a migration, since the code cannot do without it.
 */
export const concurrentIndexes: readonly ConcurrentIndex[] = [
  {
    // Texts that say STOP are evidence of an opt-out and keep their number, whatever their age.
    name: 'sms_messages_age_index',
    on: `on sms_messages (created_at) where erased_at is null and params ->> 'meaning' is distinct from 'stop'`,
  },
  {
    // Texts that were on their way when their account ended; few, and erased when it is known what became of them.
    name: 'sms_messages_ownerless_index',
    on: `on sms_messages (created_at)
      where user_id is null and direction = 'out' and purpose <> 'reply' and phone <> ''`,
  },
  {
    // The texts of a person, and those of a number, each way by itself: however much someone writes to us, what we wrote is found
    // beside it. With the id, so that a page of them is a stretch of the index (lib/sms/outbox/text-stretch.ts).
    name: 'sms_messages_person_index',
    on: 'on sms_messages (user_id, direction, created_at, id)',
  },
  { name: 'sms_messages_number_index', on: 'on sms_messages (phone, direction, created_at, id)' },
  // Texts as an admin looks for them (lib/reporting/sms-texts.ts): by what they tell and by their error, each state by itself.
  { name: 'sms_messages_template_index', on: 'on sms_messages (template, status, created_at, id)' },
  {
    name: 'sms_messages_error_index',
    on: 'on sms_messages (error_code, status, created_at, id) where error_code is not null',
  },
  {
    name: 'sms_messages_error_template_index',
    on: 'on sms_messages (error_code, template, status, created_at, id) where error_code is not null',
  },
  {
    // Notices, and what someone waits for: they go before all updates that wait.
    name: 'sms_messages_due_prompt_index',
    on: `on sms_messages (send_after) where status = 'queued' and purpose in ('notice', 'reply', 'test')`,
  },
  {
    // Updates that are no part of many: they go before those.
    name: 'sms_messages_due_update_index',
    on: `on sms_messages (send_after) where status = 'queued' and purpose <> 'verification'
      and purpose not in ('notice', 'reply', 'test') and source is null`,
  },
  {
    // Of many that are wished for at once, those of each source. By an expression that no other index has: a planner that has not
    // learned yet how many wait would take one of those, and read all that wait.
    name: 'sms_messages_waiting_source_index',
    on: `on sms_messages ((case when status = 'queued' then source end), send_after)
      where (case when status = 'queued' then source end) is not null`,
  },
  {
    // Since when the oldest text of each purpose is due.
    name: 'sms_messages_queue_index',
    on: `on sms_messages (purpose, send_after) where status = 'queued'`,
  },
  {
    // Codes that the provider is asked about: where they have a sender of their own, its dispatcher reads past no other text.
    name: 'sms_messages_check_code_index',
    on: `on sms_messages (check_at) where check_at is not null and purpose = 'verification'`,
  },
  {
    // Whether carriers deliver what a sender sends, however much others send: by what each delivered last.
    name: 'sms_messages_delivered_index',
    on: 'on sms_messages (sender, delivered_at) where delivered_at is not null',
  },
  {
    // Refusals that several accounts have a part in; those of one are found by its own column. Nothing waits in a list
    // of its own to be sorted in, which every reader would have to go through.
    name: 'sms_verification_log_accounts_index',
    on: `on sms_verification_log using gin (accounts) with (fastupdate = off)
      where user_id is null and accounts is not null`,
  },
  {
    // The same for networks.
    name: 'sms_verification_log_networks_index',
    on: `on sms_verification_log using gin (networks) with (fastupdate = off)
      where network is null and networks is not null`,
  },
  // Exports read everyone's in the order of time.
  { name: 'sms_consents_at_index', on: 'on sms_consents (at, id)' },
  {
    // The last thing that was said about a scope, for everyone at a number or for one person, without what was said before.
    name: 'sms_consents_last_index',
    on: 'on sms_consents (phone, user_id, scope, id)',
  },
  {
    // The numbers of a person, each found once.
    name: 'sms_consents_numbers_index',
    on: 'on sms_consents (user_id, phone)',
  },
  {
    // Whether a person took a number off their account lately.
    name: 'sms_consents_removed_index',
    on: `on sms_consents (user_id, phone, at) where medium = 'number_removed'`,
  },
  // By the keyed mark of a number its evidence pack finds what was erased.
  {
    name: 'sms_messages_mark_index',
    on: 'on sms_messages (phone_mark, created_at, id) where phone_mark is not null',
  },
  {
    name: 'sms_verification_log_mark_index',
    on: 'on sms_verification_log (phone_mark, id) where phone_mark is not null',
  },
  {
    // What is erased when an account ends.
    name: 'sms_consent_details_user_index',
    on: 'on sms_consent_details (user_id)',
  },
  {
    // The last that was said about texts to a number.
    name: 'sms_opt_outs_last_index',
    on: 'on sms_opt_outs (phone, at desc, id desc)',
  },
  {
    // Whether a text was recorded before.
    name: 'sms_opt_outs_text_index',
    on: 'on sms_opt_outs (provider_sid) where provider_sid is not null',
  },
  {
    // Challenges that are over are removed by age.
    name: 'sms_verifications_age_index',
    on: 'on sms_verifications (created_at)',
  },
  {
    // What the page of recent activity shows: however often someone changes their settings, it reads no more than its rows.
    name: 'audit_log_activity_index',
    on: `on audit_log (user_id, at desc, id desc)
      where action not in ('sms_preferences_changed', 'quiet_hours_changed')`,
  },
  {
    // What still tells of an address or a browser; both are erased by age.
    name: 'audit_log_age_index',
    on: 'on audit_log (at) where address is not null or user_agent is not null',
  },
  {
    // What was tried with emails that no account has; removed by age.
    name: 'audit_log_unknown_index',
    on: `on audit_log (at) where action = 'sign_in_refused' and user_id is null and actor_id is null`,
  },
  // People as an admin looks for them (lib/reporting/people.ts): all of them, newest first …
  {
    // How many registered on a day, also of those whose account has ended since.
    name: 'audit_log_registered_index',
    on: `on audit_log (at) where action = 'account_registered'`,
  },
  {
    // Who recorded opt-outs lately that they were told of.
    name: 'audit_log_told_index',
    on: `on audit_log (at, actor_id) where action = 'opt_out_recorded'`,
  },
  {
    // How many opted out on a day.
    name: 'sms_opt_outs_at_index',
    on: 'on sms_opt_outs (at)',
  },
  { name: 'users_created_index', on: 'on users (created_at, id)' },
  // … by the beginning of their name or email, letter by letter whatever the language of the database …
  { name: 'users_name_index', on: 'on users (lower(name) collate "C", id)' },
  { name: 'users_email_index', on: 'on users (lower(email) collate "C", id)' },
  // … by the last digits of their number …
  { name: 'users_phone_end_index', on: 'on users (right(phone, 4), created_at, id) where phone is not null' },
  // … and those of whom there are few.
  { name: 'users_role_index', on: `on users (role, created_at, id) where role <> 'applicant'` },
  { name: 'users_deactivated_index', on: 'on users (created_at, id) where deactivated_at is not null' },
  {
    name: 'users_unproven_index',
    on: 'on users (created_at, id) where email_proven_at is null and deactivated_at is null',
  },
  {
    // The last move of an application, whatever was noted since.
    name: 'application_events_moved_index',
    on: `on application_events (application_id, id) where kind = 'moved'`,
  },
  {
    // What applicants and brokers see of a timeline, whatever staff did beside it (lib/applications/seen-events.ts). By an expression
    // that no other index has: where an application has few events as a rule, a planner would take that of all its events as well.
    name: 'application_events_seen_by_all_index',
    on: `on application_events
      ((case when kind <> 'assigned' and (kind <> 'noted' or note is not null) then application_id end), id)`,
  },
  {
    // What waits, turn by turn.
    name: 'mails_line_index',
    on: 'on mails (turn, send_after) where sent_at is null and ended_at is null',
  },
  {
    // Of many that are written at once, those of each source that wait.
    name: 'mails_waiting_source_index',
    on: `on mails ((case when sent_at is null and ended_at is null then source end), send_after)
      where (case when sent_at is null and ended_at is null then source end) is not null`,
  },
  {
    // How many mails a network asked for within the hour.
    name: 'mails_network_index',
    on: 'on mails (network, created_at) where network is not null',
  },
  {
    // Of which the network is forgotten when it is counted no more.
    name: 'mails_marked_index',
    on: 'on mails (created_at) where network is not null',
  },
  {
    // Invitations that are open are listed.
    name: 'email_links_invitation_index',
    on: `on email_links (created_at) where purpose = 'invite'`,
  },
];

/**
 * Indexes that nothing reads any more, since others are built. They are dropped only when those are there, so that no statement
 * is without one meanwhile.
 */
export const retiredIndexes: readonly string[] = [
  'sms_consents_phone_index',
  'sms_opt_outs_phone_index',
  'mails_due_index',
  'mails_failed_index',
  'sms_messages_user_index',
  'sms_messages_phone_index',
  'application_events_seen_index',
];

/**
 * Builds the indexes that are missing, one after the other, and then drops those that are `retired`. One that was left
 * invalid, since an earlier build was interrupted or met a duplicate, is dropped and built again. Nothing to do costs one
 * statement.
 */
export async function buildIndexes(
  client: Client,
  indexes: readonly ConcurrentIndex[],
  retired: readonly string[],
): Promise<void> {
  if (indexes.length + retired.length === 0) return;
  const { rows } = await client.query<{ name: string; valid: boolean }>(
    `select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = current_schema()::regnamespace and c.relname = any($1)`,
    [[...indexes.map(({ name }) => name), ...retired]],
  );
  const found = new Map(rows.map(({ name, valid }) => [name, valid]));
  for (const { name, on, isUnique = false } of indexes) {
    if (found.get(name)) continue;
    const quoted = client.escapeIdentifier(name);
    if (found.has(name)) await client.query(`drop index concurrently ${quoted}`);
    await client.query(`create ${isUnique ? 'unique ' : ''}index concurrently ${quoted} ${on}`);
  }
  for (const name of retired) {
    if (found.has(name)) await client.query(`drop index concurrently ${client.escapeIdentifier(name)}`);
  }
}
