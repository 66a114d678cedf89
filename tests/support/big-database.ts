import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { sealMark } from '@/lib/seal';
import { takeIndexesAway } from '@/scripts/history/without-indexes';

/** Every table that grows with the people, and so has this many rows at least once a database is filled. */
export const bigTables = [
  'alarm_alerts',
  'alarms',
  'audit_log',
  'email_links',
  'login_grants',
  'mails',
  'passkeys',
  'pending_tokens',
  'phone_numbers',
  'rate_limits',
  'pumping_hits',
  'pumping_orders',
  'pumping_pairs',
  'pumping_sums',
  'recoveries',
  'sign_in_codes',
  'recovery_code_sets',
  'recovery_codes',
  'second_factor_tries',
  'sessions',
  'sms_consent_details',
  'sms_consents',
  'sms_messages',
  'sms_opt_outs',
  'sms_preferences',
  'sms_spend',
  'sms_verification_log',
  'sms_verifications',
  'spent_passkey_challenges',
  'totp_keys',
  'trusted_devices',
  'users',
] as const;

/** One of the people of a filled database, counted from 1: everyone's number is proven. */
export function bigPerson(n: number): { userId: string; email: string; phone: string } {
  const hex = createHash('md5').update(`person:${n}`).digest('hex');
  const userId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { userId, email: `person${n}@example.com`, phone: `+1${4_152_000_000 + n}` };
}

/**
 * Fills every table that grows with `rows` rows, as a year up to `now` could have left them, and analyzes them. A few
 * people have many rows and most have one or two; one in a hundred sessions, tokens, grants, counters, trusted browsers and
 * answered challenges is over; one key in a hundred of an authenticator app is sealed under an older secret; a code in a hundred
 * has run out unnoticed; the spending of each minute of 25 hours is kept, and that of a few more; two texts in a hundred wait
 * for the morning, and as many for their price; of 20,000 alarms one is open, and waits to be told.
 *
 * Takes a migrated, empty database and its owner. 200,000 rows a table take 20 to 40 seconds.
 */
export async function fillBigDatabase(pool: Pool, { rows, now }: { rows: number; now: Date }): Promise<void> {
  if (rows < 1_000 || rows > 5_000_000) throw new RangeError('From 1,000 to 5,000,000 rows a table');
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`set local maintenance_work_mem = '128MB'`);
    await client.query(`set local work_mem = '64MB'`);
    await client.query('set local jit = off');
    const restore = await takeIndexesAway(client, bigTables);
    for (const statement of [...statementsOf(rows, now.toISOString()), ...restore]) {
      await client.query(statement);
    }
    await client.query('commit');
    for (const table of bigTables) await client.query(`vacuum (analyze) ${table}`);
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

function statementsOf(rows: number, now: string): string[] {
  const at = `'${now}'::timestamptz`;
  const each = `generate_series(1, ${rows}) n`;
  // Spread evenly over the year before now, in the order of n.
  const moment = `(${at} - interval '1 year' * (1 - n::float8 / ${rows + 1}))`;
  const person = (n: string) => `md5('person:' || ${n})::uuid`;
  const phone = (n: string) => `'+1' || (4152000000 + ${n})::text`;
  // The same n always meets the same someone: a few people often, most of them seldom.
  const someone = `(1 + floor(${rows} * power(hashtextextended(n::text, 1)::float8 / 9223372036854775808 / 2 + 0.5, 3)))::bigint`;
  const token = (kind: string) => `sha256(convert_to('${kind}:' || n, 'UTF8'))`;
  const hour = `'@' || floor(extract(epoch from ${moment}) / 3600)::bigint`;
  const network = `'network:' || md5((n % 5000)::text)`;
  // Every minute of 25 hours for those whom everyone's texts count for, and one for each of the others.
  const spendOf = (scopes: string) =>
    `select scope, date_trunc('minute', ${at}) - interval '1 minute' * back, 7900 + back
     from unnest(array[${scopes}]) scope, generate_series(0, 1500) back`;
  const address = `'10.' || n % 200 || '.' || n / 200 % 200 || '.1'`;
  return [
    `create temporary table whose on commit drop as select n::bigint as n, ${someone} as p from ${each}`,
    `analyze whose`,
    `insert into users (id, email, email_key, name, password_hash, role, phone, created_at, activated_at, password_changed_at,
       email_proven_at, deactivated_at)
     select ${person('n')}, 'person' || n || '@example.com', 'person' || n || '@example.com', 'Person ' || n, '-',
       case when n % 10000 = 7 then 'admin' when n % 1000 = 1 then 'staff' when n % 2000 = 9 then 'broker' else 'applicant' end,
       ${phone('n')}, ${moment}, case when n % 20 <> 0 then ${moment} end, ${moment}, case when n % 3 = 2 then ${moment} end,
       case when n % 1000 = 13 then ${at} end from ${each}`,
    `insert into sms_preferences (user_id, enabled, time_zone, updated_at)
     select ${person('n')}, n % 3 = 0, 'America/Los_Angeles', ${moment} from ${each}`,
    `insert into phone_numbers (number, holder_user_id, held_since, suppressed_at, suppressed_by, prove_sends, prove_again_sends,
       sign_in_sends, failures, stranger_acts)
     select ${phone('n')}, ${person('n')}, ${moment}, case when n % 50 = 0 then ${moment} end,
       case when n % 50 = 0 then 'sms_stop' end, array[${moment}], case when n % 3 = 0 then array[${moment}] else '{}' end,
       case when n % 5 = 0 then array[${moment}] else '{}' end, case when n % 4 = 0 then array[${moment}] else '{}' end,
       jsonb_build_array(jsonb_build_object('act', 'send', 'atMs', floor(extract(epoch from ${moment}) * 1000),
         'account', md5(n::text), 'network', ${network})) from ${each}`,
    `insert into sessions (id, user_id, created_at, last_seen_at, expires_at, address, user_agent)
     select md5('session:' || n)::uuid, ${person('p')}, ${at} - interval '29 days' * (n % 97) / 97,
       ${at} - interval '1 day' * (n % 13), ${at} + interval '1 day' * (n % 100) - interval '1 second', ${address}, 'test'
     from whose`,
    `insert into login_grants (token_hash, user_id, expires_at)
     select ${token('grant')}, ${person('p')}, ${at} + interval '1 second' * (n % 100) - interval '1 second' from whose`,
    `insert into pending_tokens (token_hash, user_id, purpose, created_at, last_used_at)
     select ${token('pending')}, ${person('p')}, 'activation', made, made
     from (select n, p, ${at} - interval '14 minutes 33 seconds' * (n % 100) as made from whose) tokens`,
    // One link in twenty is about an address without an account, and as many mails wait for their turn.
    `insert into email_links (id, purpose, user_id, email, email_key, nonce, created_at, expires_at, used_at)
     select md5('link:' || n)::uuid, case when n % 400 = 0 then 'invite' when n % 20 = 0 then 'claim' else 'confirm' end, case when n % 20 <> 0 then ${person('p')} end,
       'person' || n || '@example.com', 'person' || n || '@example.com', ${token('link')}, ${moment}, ${moment} + interval '1 day',
       case when n % 3 = 0 then ${moment} end from whose`,
    // The marks of networks are kept for two hours.
    `insert into mails (id, user_id, to_address, template, params, link_id, network, created_at, send_after, expires_at, attempts,
       sent_at)
     select md5('mail:' || n)::uuid, user_id, email, 'confirmEmail', '{}', md5('link:' || n)::uuid,
       case when created_at > ${at} - interval '125 minutes' then ${network} end, created_at,
       case when n % 20 = 1 then ${at} + interval '1 hour' else created_at end, expires_at, 1,
       case when n % 20 <> 1 then created_at end from ${each} join email_links on id = md5('link:' || n)::uuid`,
    `insert into rate_limits (key, hits, empty_at)
     select 'password_email:' || encode(${token('limit')}, 'base64'), array[${at} - interval '1 minute'],
       ${at} + interval '10 minutes' * (n % 100) - interval '1 second' from ${each}`,
    // One in a hundred is over; of the others one in twenty is of an account, and as many are to be looked at still.
    `insert into recoveries (id, token_hash, email, email_key, user_id, phone, nonce, address, created_at, expires_at, asked_at)
     select md5('recovery:' || n)::uuid, ${token('recovery')}, 'someone' || n || '@example.com', 'someone' || n || '@example.com',
       case when n % 20 = 0 then ${person('p')} end, case when n % 20 = 0 then ${phone('p')} end, ${token('nonce')}, ${address},
       ${at} - interval '6 seconds' * (n % 101), ${at} + interval '6 seconds' * (100 - n % 101) - interval '1 second',
       case when n % 2000 = 7 then ${at} end from whose`,
    // One in a hundred is over.
    `insert into sign_in_codes (id, user_id, phone, nonce, last_sent_at, expires_at)
     select md5('sign-in:' || n)::uuid, ${person('n')}, ${phone('n')}, ${token('nonce')}, ${at} - interval '6 seconds' * (n % 101),
       ${at} + interval '6 seconds' * (100 - n % 101) - interval '1 second' from ${each}`,
    `insert into audit_log (at, action, user_id, actor_id, address, user_agent)
     select ${moment}, case when n % 4 = 0 then 'sms_preferences_changed' else 'signed_in' end, ${person('p')},
       case when n % 500 = 0 then ${person('n')} when n % 10 <> 0 then ${person('p')} end, ${address}, 'test' from whose`,
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     select ${moment}, ${person('p')}, ${phone('p')}, case when n % 2 = 0 then 'updates' else 'verification' end,
       case when n % 20 = 0 then 'withdrawn' else 'granted' end,
       case when n % 20 = 0 then 'preferences' else 'registration' end, '1', 'Yes.', 'Doorstep' from whose`,
    `insert into sms_consent_details (consent_id, user_id, address, user_agent)
     select id, user_id, '10.0.0.1', 'test' from sms_consents`,
    `insert into sms_opt_outs (at, phone, act, channel, covers, words, recorded_by)
     select ${moment}, ${phone('p')}, case when n % 4 = 0 then 'lifted' else 'opted_out' end, 'text',
       array['verification', 'updates'], 'stop', 'inbound_webhook' from whose`,
    `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at, wrong_tries,
       consumed_at, ended_at, ended_by)
     select md5('challenge:' || n)::uuid, ${person('p')}, ${phone('p')}, 'prove', ${token('nonce')}, made, made + interval '10 minutes',
       made, n % 3, case when kept and n % 10 < 7 then made + interval '1 minute' end,
       case when kept and n % 10 >= 7 then made + interval '10 minutes' end, case when kept and n % 10 >= 7 then 'expired' end
     from (select n, p, ${moment} as made, n % 100 <> 0 or n <> min(n) filter (where n % 100 = 0) over (partition by p) as kept
       from whose) challenges`,
    `insert into sms_verification_log (at, event, reason, phone, user_id, challenge_id, address, user_agent)
     select ${moment}, (array['send_requested', 'verified', 'wrong_code', 'send_requested', 'verified', 'expired'])[1 + n % 6],
       case when n % 5000 = 1 then 'number_protected' end, ${phone('p')}, ${person('p')}, md5('challenge:' || n)::uuid, ${address},
       'test' from whose`,
    // Refusals that are one row: every other one is of a single account and network.
    `insert into sms_verification_log (at, last_at, event, reason, phone, user_id, network, times, fold_key, accounts, networks)
     select ${moment}, ${moment} + interval '9 minutes', case when n % 3 = 0 then 'send_refused' else 'check_refused' end,
       'number_locked', ${phone('p')}, case when n % 20 = 0 then ${person('p')} end, case when n % 20 = 0 then ${network} end, 9,
       md5('refusal:' || n),
       jsonb_build_object(${person('p')}::text, jsonb_build_array(5, 1), ${person('n')}::text, jsonb_build_array(4, 1)),
       jsonb_build_object(${network} || ${hour}, 5, 'network:' || n || ${hour}, 4) from whose where n % 10 = 0`,
    `insert into sms_messages (id, direction, user_id, phone, purpose, template, params, challenge_id, dedupe_key, created_at,
       send_after, status, attempts, first_claimed_at, attempted_at, sender, provider_sid, sent_at, delivered_at, failed_at,
       provider_status, error_code, reason, segments, price, estimated_price, reserved_at, price_settled_at, check_at, body,
       send_class, network, spend_scopes)
     select md5('text:' || n)::uuid, case kind when 'in' then 'in' else 'out' end, ${person('p')}, ${phone('p')},
       case kind when 'in' then 'inbound' when 'code' then 'verification' else 'update' end,
       case kind when 'in' then 'inbound' when 'code' then 'verification' else
         case when n % 1000 = 1 then 'documentsReminder' else 'applicationStatus' end end,
       '{"title": "A home", "status": "received", "url": "http://localhost"}',
       case kind when 'code' then md5('challenge:' || n)::uuid end, case when n % 7 = 0 then 'application:' || n end, at,
       case kind when 'waits' then ${at} + interval '1 hour' + interval '1 second' * (n % 3600) else at end,
       case kind when 'in' then 'received' when 'waits' then 'queued' when 'failed' then 'failed' else 'delivered' end,
       case when sent then 1 else 0 end, case when sent then at end, case when sent then at end, case when sent then '+15005550006' end,
       case when sent or kind = 'in' then 'SM' || md5('text:' || n) end, case when sent then at end,
       case when sent and kind <> 'failed' then at + interval '3 seconds' end, case kind when 'failed' then at + interval '3 seconds' end,
       case when sent then case kind when 'failed' then 'undelivered' else 'delivered' end end,
       case when kind = 'failed' then case when n % 1000 = 3 then 30008 else 30003 end end,
       case kind when 'waits' then 'quiet_hours' when 'failed' then 'handset_unreachable' end, 1, case when sent then 0.0079 end,
       case when sent then 0.0079 end, case when sent then at end, case when sent and n % 50 <> 1 then at end,
       case when sent and n % 50 = 1 then ${at} + interval '1 hour' end, case kind when 'in' then 'Thank you' end,
       case kind when 'code' then (array['prove', 'prove_again', 'sign_in', 'recover', 'prove'])[1 + n % 5] end,
       case kind when 'code' then ${network} end, case when sent then array['all', 'person:' || md5(p::text)] end
     from (select n, p, ${moment} as at, kind, kind not in ('in', 'waits') as sent from (
       select n, p, case when n % 50 = 0 then 'waits' when n % 50 = 2 then 'in' when n % 50 = 3 then 'failed'
         when n % 2 = 0 then 'code' else 'update' end as kind from whose) kinds) texts`,
    `insert into passkeys (id, user_id, credential_id, public_key, counter, transports, name, backed_up, created_at)
     select md5('passkey:' || n)::uuid, ${person('p')}, 'credential-' || n, '\\x00', 0, '{internal}', 'Phone', true, ${moment} from whose`,
    `insert into totp_keys (id, user_id, sealed_key, sealed_with, created_at, confirmed_at)
     select md5('totp:' || n)::uuid, ${person('n')}, '-', case when n % 100 = 0 then 'older' else '${sealMark()}' end, ${moment},
       case when n % 50 <> 1 then ${moment} end from ${each}`,
    `insert into recovery_code_sets (id, user_id, created_at, confirmed_at)
     select md5('set:' || n)::uuid, ${person('n')}, ${moment}, case when n % 50 <> 1 then ${moment} end from ${each}`,
    `insert into recovery_codes (code_hash, set_id, used_at)
     select ${token('recovery')}, md5('set:' || p)::uuid, case when n % 10 = 0 then ${moment} end from whose`,
    `insert into second_factor_tries (user_id, wrong_in_a_row) select ${person('n')}, n % 10 from ${each}`,
    `insert into spent_passkey_challenges (challenge_hash, expires_at)
     select ${token('challenge')}, ${at} + interval '1 minute' * (n % 100) - interval '1 second' from ${each}`,
    `insert into trusted_devices (id, user_id, token_hash, created_at, last_used_at, expires_at, address, user_agent)
     select md5('device:' || n)::uuid, ${person('p')}, ${token('device')}, ${at} - interval '29 days' * (n % 97) / 97,
       ${at} - interval '1 day' * (n % 13), ${at} + interval '1 day' * (n % 100) - interval '1 second', ${address}, 'test'
     from whose`,
    // Nearly all are over and were told.
    `insert into alarms (id, kind, subject, since, opened_at, last_seen_at, ended_at, acknowledged_by, figures, last_figures)
     select md5('alarm:' || n)::uuid, 'slow_deliveries', n::text, ${moment}, ${moment}, ${moment},
       case when n % 20000 <> 7 then ${moment} + interval '1 hour' end, case when n % 2 = 0 then ${person('p')} end, '{}', '{}'
     from whose`,
    `insert into alarm_alerts (id, alarm_id, event, body, created_at, send_after, attempts, sent_at)
     select md5('alert:' || n)::uuid, md5('alarm:' || n)::uuid, 'opened', '{}', ${moment}, ${moment}, 1,
       case when n % 20000 <> 7 then ${moment} end from ${each}`,
    // Nearly all of these are over, too; the sums of everyone, and of a few scopes, have every hour of sixteen days.
    `insert into pumping_orders (id, kind, scope, begun_at, ends_at, ended_at, ended_by, ordered_by, reason)
     select md5('order:' || n)::uuid, (array['closed', 'closed', 'blocked', 'allowed'])[1 + n % 4], 'prefix:+1' || n, ${moment},
       case when n % 20000 = 7 then ${at} + interval '1 hour' else ${moment} + interval '1 hour' end,
       case when n % 20000 <> 7 and n % 4 > 1 then ${moment} end, case when n % 4 = 2 then ${person('p')} end,
       case when n % 4 > 1 then ${person('p')} end, case when n % 4 > 1 then 'reason' end from whose`,
    `insert into pumping_hits (order_id, user_id, at, verified_at)
     select md5('order:' || (1 + n % ${Math.min(rows, 20_000)}))::uuid, ${person('n')}, ${moment}, case when n % 3 = 0 then ${moment} end from ${each}`,
    `insert into pumping_pairs (prefix, hour, network, unverified)
     select 'prefix:+1' || n % 3000, date_trunc('hour', ${at}, 'UTC') - interval '1 hour' * (n % 31), ${network}, 1 from ${each}
     on conflict do nothing`,
    `insert into pumping_sums (scope, hour, verified, unverified)
     select case when n < 16 * 24 then 'all' else 'prefix:+1' || n / 400 end,
       date_trunc('hour', ${at}, 'UTC') - interval '1 hour' * (n % 400), 3, 1 from ${each} on conflict do nothing`,
    `insert into sms_spend (scope, minute, micros) ${spendOf(`'all', 'strangers'`)}`,
    `insert into sms_spend (scope, minute, micros)
     select (array['person:', 'email:', 'network:'])[1 + n % 3] || md5((n / 3)::text),
       date_trunc('minute', ${at}) - interval '1 minute' * (n % 1515), 7900 from ${each}`,
  ];
}
