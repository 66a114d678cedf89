import type { Pool } from 'pg';
import { takeIndexesAway } from '@/scripts/history/without-indexes';

const tables = [
  'users',
  'sms_preferences',
  'applications',
  'application_events',
  'application_notices',
  'sms_messages',
];

/** One of the operator's people, counted from 1 to 40: the first twenty are brokers, the others staff. */
export function seerOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

/**
 * Fills a migrated, empty database with `rows` applications, half as many applicants and as many texts, as two years up to `now`
 * could have left them: most are decided, half are given to someone, few wait. Some have no
 * account.
 */
export async function fillApplications(
  pool: Pool,
  { rows, now }: { rows: number; now: Date },
): Promise<void> {
  const at = `'${now.toISOString()}'::timestamptz`;
  const moment = `(${at} - interval '2 years' * power(n::float8 / ${rows}, 1.5))`;
  const applicant = (n: string) => `md5('applicant:' || ${n})::uuid`;
  const seer = (n: string) => `('00000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;
  const id = (n: string) => `md5('application:' || ${n})::uuid`;
  const statements = [
    `insert into users (id, email, email_key, name, password_hash, role, created_at, activated_at, password_changed_at)
     select ${seer('n')}, 'seer' || n || '@example.com', 'seer' || n || '@example.com', 'Seer ' || n, '-',
       case when n <= 20 then 'broker' else 'staff' end, ${at}, ${at}, ${at} from generate_series(1, 40) n`,
    `insert into users (id, email, email_key, name, password_hash, role, phone, created_at, activated_at, password_changed_at)
     select ${applicant('n')}, 'applicant' || n || '@example.com', 'applicant' || n || '@example.com', 'Person ' || n, '-',
       'applicant', '+1' || (4152000000 + n)::text, ${at}, ${at}, ${at} from generate_series(1, ${rows / 2}) n`,
    `insert into sms_preferences (user_id, enabled, updated_at) select id, true, ${at} from users`,
    `insert into applications (id, applicant_id, applicant_name, title, message, status, assignee_id, created_at, moved_at,
       answered_at, news)
     select ${id('n')}, case when n % 50 <> 0 then ${applicant(`(1 + n % (${rows} / 2))`)} end,
       case when n % 50 = 0 then 'Paper ' || n end, 'Application ' || n, 'We are three people.',
       case when n % 100 < 3 then 'draft' when n % 100 < 5 then 'submitted' when n % 100 < 7 then 'in_review'
         when n % 100 < 9 then 'documents_needed' when n % 100 < 60 then 'approved' when n % 100 < 90 then 'declined'
         else 'withdrawn' end,
       case when n % 2 = 0 then ${seer('1 + n / 2 % 40')} end, ${moment}, ${moment},
       case when n % 200 = 8 then ${at} end,
       case when n % 1000 = 11 then 'waiting' when n % 100 = 21 then 'unreached' when n % 100 < 5 then null
         when n % 3 = 0 then 'mailed' else 'texted' end
     from generate_series(1, ${rows}) n`,
    `insert into application_events (application_id, at, kind, from_status, to_status, actor_id, actor_role, shows_at)
     select id, moved_at, 'moved', 'submitted', status, assignee_id, 'staff', moved_at from applications where status <> 'draft'`,
    `insert into sms_messages (id, direction, user_id, phone, purpose, template, params, created_at, send_after, status, dedupe_key)
     select md5('text:' || a.id)::uuid, 'out', applicant_id, '+14152000000', 'update', 'applicationStatus', '{}', moved_at,
       moved_at, 'delivered', 'application:' || a.id from applications a where news = 'texted'`,
    `insert into application_notices (id, application_id, event_id, kind, due_at, decided_at, state, message_id)
     select gen_random_uuid(), a.id, e.id, 'news', a.moved_at, a.moved_at, a.news,
       case when a.news = 'texted' then md5('text:' || a.id)::uuid end
     from applications a join application_events e on e.application_id = a.id where a.news is not null`,
  ];
  await fill(pool, tables, statements);
}

/**
 * Fills a migrated, empty database with `rows` applications of which nobody has decided about any, half of them given to someone: all are in
 * two statuses. There are 1,000 applicants.
 */
export async function fillUndecided(pool: Pool, { rows, now }: { rows: number; now: Date }): Promise<void> {
  const moment = `'${now.toISOString()}'::timestamptz - interval '1 minute' * n`;
  await fill(
    pool,
    ['users', 'applications'],
    [
      `insert into users (id, email, email_key, name, password_hash, role, created_at, activated_at, password_changed_at)
       select id, id || '@example.com', id || '@example.com', 'Person', '-', role, at, at, at from (select '${now.toISOString()}'::timestamptz as at) now, (
         select md5('applicant:' || n)::uuid as id, 'applicant' as role from generate_series(0, 999) n
         union all select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'staff' from generate_series(1, 40) n) people`,
      `insert into applications (id, applicant_id, title, message, status, assignee_id, created_at, moved_at, news)
       select md5('application:' || n)::uuid, md5('applicant:' || n % 1000)::uuid, 'Application ' || n, 'We are three people.',
         case when n % 3 = 0 then 'in_review' else 'submitted' end,
         case when n % 2 = 0 then ('00000000-0000-4000-8000-' || lpad((1 + n / 2 % 40)::text, 12, '0'))::uuid end,
         ${moment}, ${moment}, case when n % 3 = 0 then 'texted' end from generate_series(1, ${rows}) n`,
    ],
  );
}

async function fill(pool: Pool, into: readonly string[], statements: readonly string[]): Promise<void> {
  const client = await pool.connect();
  try {
    // References are right by the way they are made; checking each takes longer than writing it.
    await client.query('set session_replication_role = replica');
    const restore = await takeIndexesAway(client, into);
    for (const statement of [...statements, ...restore]) await client.query(statement);
  } finally {
    client.release(true);
  }
  for (const table of into) await pool.query(`vacuum (analyze) ${table}`);
}
