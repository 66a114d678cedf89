import type { Client } from 'pg';
import { currentWording } from '@/lib/consent/current-wording';
import { writePlain } from '@/lib/consent/wording';
import { env } from '@/lib/env';
import { idOf, makePeople, type MadePerson } from './people';
import { planHistory, type HistoryHour, type HistorySize } from './plan-history';
import { takeIndexesAway } from './without-indexes';

/** The tables that a history is written into. */
const tables = [
  'users',
  'sms_preferences',
  'phone_numbers',
  'sms_consents',
  'sms_consent_details',
  'sms_opt_outs',
  'sms_verifications',
  'sms_verification_log',
  'sms_messages',
  'audit_log',
  'applications',
  'application_events',
] as const;

/** Nobody signs in with these accounts: it is no hash. */
const noPassword = '-';

const peopleAtOnce = 20_000;

/**
 * Writes a made-up history that ends at `now` into a database whose owner `client` is: people, their consents, texts, codes,
 * attempts, opt-outs and applications. Every text is in a final state, so nothing of it is ever sent. All of it is one transaction,
 * in which nobody else can use these tables; where it fails, everything is as it was. `say` gets a line now and then.
 */
export async function writeHistory(
  client: Client,
  size: HistorySize,
  { now, say }: { now: Date; say: (line: string) => void },
): Promise<void> {
  const plan = planHistory(size, now);
  await client.query('begin');
  try {
    await client.query(`set local maintenance_work_mem = '512MB'`);
    await client.query(`set local work_mem = '128MB'`);
    await client.query('set local jit = off');
    const restore = await takeIndexesAway(client, tables);
    await writePeople(client, plan, { now, say });
    await writeTexts(client, plan, { now, say });
    say('Building the indexes');
    for (const statement of restore) await client.query(statement);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
  for (const table of [...tables, 'sms_spend']) await client.query(`vacuum (analyze) ${table}`);
}

/** Whether a history was written into this database before, as far as its first people are still there. */
export async function isGenerated(client: Client): Promise<boolean> {
  const { rowCount } = await client.query('select from users where id = any($1::uuid[]) limit 1', [
    [1, 2, 3].map(idOf),
  ]);
  return (rowCount ?? 0) > 0;
}

type Progress = { now: Date; say: (line: string) => void };

async function writePeople(
  client: Client,
  plan: readonly HistoryHour[],
  { now, say }: Progress,
): Promise<void> {
  await client.query(`
    create temporary table made_people (
      q bigint generated always as identity primary key, id uuid, email text, name text, phone text, at timestamptz,
      proven boolean, updates boolean, stopped_at timestamptz
    ) on commit drop`);
  const wording = currentWording();
  let count = 0;
  for (const people of makePeople(plan, { now, piece: peopleAtOnce })) {
    await client.query(
      'create temporary table new_people (like made_people including identity) on commit drop',
    );
    await addPeople(client, people);
    await client.query(
      `insert into users (id, email, email_key, name, password_hash, role, phone, created_at, activated_at, password_changed_at,
         email_proven_at)
       select id, email, email, name, '${noPassword}', 'applicant', phone, at, at, at,
         case when q % 3 <> 0 then at + interval '7 minutes' end from new_people`,
    );
    await client.query(
      `insert into sms_preferences (user_id, enabled, time_zone, updated_at)
       select id, updates and stopped_at is null, 'America/New_York', at from new_people`,
    );
    await client.query(
      `insert into audit_log (at, action, user_id, actor_id, address, details)
       select at, 'account_registered', id, id, ${address('q')}, jsonb_build_object('verify', proven) from new_people`,
    );
    // Those without a number get no texts, so they are not asked for again.
    await client.query(
      `insert into made_people (id, email, name, phone, at, proven, updates, stopped_at)
       select id, email, name, phone, at, proven, updates, stopped_at from new_people where phone is not null order by q`,
    );
    await client.query('drop table new_people');
    count += people.length;
    say(`${count.toLocaleString('en-US')} people`);
  }
  await client.query('create index on made_people (at)');
  await client.query('analyze made_people');
  await client.query(
    `insert into phone_numbers (number, holder_user_id, held_since, suppressed_at, suppressed_by)
     select phone, id, at + interval '1 minute', stopped_at, case when stopped_at is not null then 'sms_stop' end
     from made_people where proven`,
  );
  await client.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender, legal_sender, language, page)
     select at, id, phone, scope, 'granted', 'registration', $1, $2, $3, $4, 'en', '/users/register/applicant'
     from made_people cross join (values ('verification'), ('updates')) scopes (scope)
     where case scope when 'updates' then updates else proven end`,
    [wording.version, writePlain(wording), env().siteName, env().operator.name],
  );
  await client.query(
    `insert into sms_consent_details (consent_id, user_id, address) select id, user_id, ${address('id')} from sms_consents
     where action = 'granted' and user_id in (select id from made_people)`,
  );
  await client.query(
    `insert into sms_opt_outs (at, phone, act, channel, covers, words, user_id, recorded_by)
     select stopped_at, phone, 'opted_out', 'text', array['verification', 'updates'], 'STOP', id, 'inbound_webhook'
     from made_people where stopped_at is not null order by stopped_at`,
  );
  await client.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
     select stopped_at, id, phone, scope, 'withdrawn', 'sms_stop', $1
     from made_people cross join (values ('verification'), ('updates')) scopes (scope)
     where stopped_at is not null and case scope when 'updates' then updates else proven end order by stopped_at`,
    [env().siteName],
  );
  await client.query(
    `insert into applications (id, applicant_id, title, message, status, created_at, moved_at, news)
     select md5('application:' || q)::uuid, id, 'Application ' || q, 'Sample text.',
       case when $1 - at < interval '3 days' then 'submitted' when q % 9 = 0 then 'documents_needed' when q % 7 = 0 then 'in_review'
         when q % 3 = 0 then 'declined' else 'approved' end,
       at, least(at + interval '1 hour' * (q % 70), $1), case when $1 - at < interval '3 days' then null else 'texted' end
     from made_people where q % 2 = 0`,
    [now],
  );
  await client.query(
    `insert into application_events (application_id, at, kind, from_status, to_status, actor_id, actor_role, shows_at)
     select a.id, moved.at, 'moved', moved.before, moved.status, case when moved.before is null then applicant_id end,
       case when moved.before is null then 'applicant' else 'staff' end, moved.at
     from applications a join made_people p on p.id = a.applicant_id
     cross join lateral (values (a.created_at, null, 'submitted'), (a.moved_at, 'submitted', a.status)) moved (at, before, status)
     where moved.before is null or a.status <> 'submitted'`,
  );
}

async function addPeople(client: Client, people: readonly MadePerson[]): Promise<void> {
  await client.query(
    `insert into new_people (id, email, name, phone, at, proven, updates, stopped_at)
     select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[], $7::boolean[],
       $8::timestamptz[])`,
    [
      people.map(({ id }) => id),
      people.map(({ email }) => email),
      people.map(({ name }) => name),
      people.map(({ phone }) => phone),
      people.map(({ at }) => at),
      people.map(({ isProven }) => isProven),
      people.map(({ wantsUpdates }) => wantsUpdates),
      people.map(({ stoppedAt }) => stoppedAt),
    ],
  );
}

/** An address of the range that is kept for benchmarks (RFC 2544), by a number. */
const address = (n: string) => `'198.18.' || ${n} / 250 % 250 || '.' || ${n} % 250`;

async function writeTexts(
  client: Client,
  plan: readonly HistoryHour[],
  { now, say }: Progress,
): Promise<void> {
  let written = 0;
  for (let first = 0; first < plan.length; first += 24) {
    const hours = plan.slice(first, first + 24);
    await draftTexts(client, hours, now);
    await client.query(writeCodes);
    await client.query(writeAttempts);
    const { rowCount } = await client.query(writeMessages, [now, env().siteName, env().appUrl.href]);
    await client.query('drop table drafts');
    written += rowCount ?? 0;
    if (first % (24 * 5) === 0) say(`${written.toLocaleString('en-US')} texts`);
  }
  await client.query(
    `insert into sms_spend as spend (scope, minute, micros)
     select 'all', date_trunc('minute', reserved_at), sum(price * 1000000)::bigint from sms_messages
     where price is not null and reserved_at > $1::timestamptz - interval '25 hours' group by 2
     on conflict (scope, minute) do update set micros = spend.micros + excluded.micros`,
    [now],
  );
  say(`${written.toLocaleString('en-US')} texts`);
}

/**
 * Drafts one row for each text of some hours: to whom, when, and what becomes of it. Someone new is texted more often than someone who
 * has been here for long.
 */
async function draftTexts(client: Client, hours: readonly HistoryHour[], now: Date): Promise<void> {
  await client.query(
    `create temporary table drafts on commit drop as
     with hours as materialized (
       select h.*, greatest(1, (select q from made_people p where p.at < h."from" + interval '1 hour' order by p.at desc limit 1)) as known
       from jsonb_to_recordset($1::jsonb) as h ("from" timestamptz, codes int, updates int, notices int, inbound int, attack int,
         "failedShare" float8, slowness float8)
     ), draws as (
       select kind, hours.*, "from" + random() * interval '1 hour' as drawn_at, 1 + floor(known * power(random(), 0.4))::bigint as drawn_q,
         random() as fate, random() as turn, -ln(1 - random()) as pause, random() as other
       from hours cross join lateral (values ('code', codes), ('update', updates), ('notice', notices), ('inbound', inbound),
         ('attack', attack)) kinds (kind, count)
       cross join lateral generate_series(1, kinds.count)
     ), picked as (
       -- Updates go to people who want them: whoever of those registered last before the one who was drawn.
       select draws.*, case when kind = 'update' then coalesce(
           (select q from made_people p where p.q <= drawn_q and p.updates and p.proven order by q desc limit 1),
           (select q from made_people p where p.q > drawn_q and p.updates and p.proven order by q limit 1)) else drawn_q end as q
       from draws
     ), drawn as (
       select picked.*, case when kind = 'attack' then drawn_at
         else least(greatest(drawn_at, p.at + interval '1 minute'), $2) end as at
       from picked left join made_people p on p.q = picked.q
     )
     select gen_random_uuid() as id, drawn.kind, drawn.at, turn, other, random() < 0.09 as mistyped,
       floor(random() * case kind when 'attack' then 40 else 60000 end)::int as origin,
       case when kind <> 'attack' then p.id end as user_id,
       case kind when 'attack' then '+1907555' || lpad(floor(fate * 10000)::text, 4, '0') else p.phone end as phone,
       case kind when 'code' then case when turn < 0.8 then 'prove' when turn < 0.86 then 'prove_again' when turn < 0.97 then 'sign_in'
         else 'recover' end when 'attack' then 'prove' end as send_class,
       case when kind = 'code' and turn < 0.86 then gen_random_uuid() end as challenge_id,
       case when kind = 'inbound' then 'received'
         when p.stopped_at <= leaves_at and kind <> 'attack' then 'opted_out'
         when kind = 'update' and (other < 0.015 or is_evening and $2 - drawn.at < interval '14 hours') then 'turned_off'
         when fate < "failedShare" then 'failed'
         when fate > 0.992 then 'silent'
         else 'delivered' end as fate_name,
       leaves_at + interval '0.2 seconds' + other * interval '0.6 seconds' as sent_at,
       (0.8 + 3.2 * pause) * slowness * interval '1 second' as took,
       case when kind = 'update' and other > 0.93 then 2 else 1 end as segments
     from drawn left join made_people p on p.q = drawn.q
     cross join lateral (select extract(hour from drawn.at at time zone 'America/New_York') >= 20 as is_evening) local
     -- What comes in the evening waits for the morning.
     cross join lateral (select case when kind = 'update' and is_evening
       then date_trunc('day', drawn.at, 'America/New_York') + interval '1 day 9 hours' + other * interval '10 minutes'
       else drawn.at end as leaves_at) way
     order by drawn.at`,
    [JSON.stringify(hours), now],
  );
}

const isDone = `d.fate_name in ('delivered', 'failed', 'silent')`;

/** Of the codes that arrive, most are entered. */
const isVerified = `(d.fate_name = 'delivered' and d.other < 0.9)`;

/** A mark of where a code was asked for from: robots have few addresses. */
const network = `'network:' || md5(d.origin::text)`;

const writeCodes = `
  insert into sms_verifications (id, user_id, phone, purpose, send_class, nonce, created_at, expires_at, last_sent_at, wrong_tries,
    consumed_at, ended_at, ended_by)
  select d.challenge_id, d.user_id, d.phone, 'prove', d.send_class, sha256(convert_to(d.id::text, 'UTF8')), d.at,
    d.at + interval '10 minutes', d.at, case when d.mistyped then 1 else 0 end,
    case when ${isVerified} then d.at + d.took + interval '20 seconds' end,
    case when not ${isVerified} then d.at + interval '10 minutes' end, case when not ${isVerified} then 'expired' end
  from drafts d where d.challenge_id is not null and d.user_id is not null`;

const writeAttempts = `
  insert into sms_verification_log (at, event, reason, phone, user_id, challenge_id, address, network)
  select attempt.at, attempt.event, attempt.reason, d.phone, d.user_id, d.challenge_id,
    ${address('d.origin')},
    case when attempt.event = 'send_requested' then ${network} end
  from drafts d cross join lateral (values
    (d.at, 'send_requested', case d.send_class when 'sign_in' then 'sign_in' when 'recover' then 'recovery' end, true),
    (d.at + interval '9 seconds', 'send_refused', 'too_soon', d.other > 0.95),
    (d.at + interval '15 seconds', 'send_refused', 'send_limit', d.kind = 'attack' and d.other > 0.4),
    (d.at + d.took + interval '12 seconds', 'wrong_code', null, d.challenge_id is not null and d.mistyped),
    (d.at + d.took + interval '20 seconds', 'verified', null, d.challenge_id is not null and ${isVerified}),
    (d.at + interval '10 minutes', 'expired', null, d.challenge_id is not null and not ${isVerified})
  ) attempt (at, event, reason, happened)
  where d.kind in ('code', 'attack') and attempt.happened and attempt.at < now()
  order by attempt.at`;

/** Which errors carriers give, by chance. */
const errorOf = `(array[30003, 30003, 30003, 30003, 30005, 30006, 30006, 30007, 30008, 30008])[1 + floor(d.turn * 9.99)::int]`;

const writeMessages = `
  insert into sms_messages (id, direction, user_id, phone, purpose, template, params, challenge_id, send_class, network, created_at,
    send_after, status, attempts, first_claimed_at, held_at, attempted_at, sender, provider_sid, sent_at, delivered_at, failed_at,
    provider_status, error_code, reason, segments, price, estimated_price, reserved_at, price_settled_at, body)
  select d.id, case d.kind when 'inbound' then 'in' else 'out' end, d.user_id, d.phone,
    case d.kind when 'inbound' then 'inbound' when 'update' then 'update' when 'notice' then 'notice' else 'verification' end,
    case d.kind when 'inbound' then 'inbound' when 'update' then case when d.turn < 0.8 then 'applicationStatus' else 'documentsNeeded' end
      when 'notice' then 'securityNotice' else 'verification' end,
    jsonb_build_object('site', $2::text, 'url', $3::text, 'event', 'your password was changed'), d.challenge_id, d.send_class,
    case when d.send_class is not null then ${network} end, d.at, d.sent_at,
    case when d.fate_name in ('opted_out', 'turned_off') then 'canceled' when d.fate_name = 'received' then 'received'
      when d.fate_name = 'silent' or d.sent_at + d.took > $1 then 'sent' else d.fate_name end,
    case when ${isDone} then 1 else 0 end, case when ${isDone} then d.sent_at end,
    case when d.sent_at - d.at > interval '1 hour' then d.at end, case when ${isDone} then d.sent_at end,
    case when ${isDone} then '+15005550006' end, case when ${isDone} then 'SM' || md5(d.id::text) end,
    case when ${isDone} then d.sent_at end,
    case when d.fate_name = 'delivered' and d.sent_at + d.took <= $1 then d.sent_at + d.took end,
    case when d.fate_name = 'failed' and d.sent_at + d.took <= $1 then d.sent_at + d.took
      when d.fate_name in ('opted_out', 'turned_off') then d.at end,
    case when d.fate_name = 'silent' or ${isDone} and d.sent_at + d.took > $1 then 'sent' when d.fate_name = 'failed' then 'undelivered'
      when d.fate_name = 'delivered' then 'delivered' end,
    case when d.fate_name = 'failed' and d.sent_at + d.took <= $1 then ${errorOf} end,
    case when d.fate_name = 'opted_out' then 'stopped' when d.fate_name = 'turned_off' then 'turned_off'
      when d.fate_name = 'failed' and d.sent_at + d.took <= $1 then
        case ${errorOf} when 30003 then 'handset_unreachable' when 30007 then 'filtered' when 30008 then 'unknown_error'
          else 'undeliverable_number' end end,
    d.segments,
    case when ${isDone} then d.segments * case when $1 - d.sent_at > interval '1 hour' then 0.0083 else 0.0079 end end,
    case when ${isDone} then d.segments * 0.0079 end, case when ${isDone} then d.sent_at end,
    case when ${isDone} and $1 - d.sent_at > interval '1 hour' then d.sent_at + interval '50 minutes' end,
    case d.kind when 'inbound' then (array['Thanks!', 'ok', 'Who is this?', 'When will I hear more?'])[1 + floor(d.turn * 3.99)::int] end
  from drafts d where d.phone is not null`;
