import { beforeEach, expect, test } from 'vitest';
import { batchRows, keepHouse } from '@/lib/housekeeping';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { useDatabase } from '../support/database';
import { givePerson, noon } from '../support/people';

const database = useDatabase();
const dayMs = 24 * 3600 * 1000;
const daysAgo = (days: number) => new Date(noon.getTime() - days * dayMs).toISOString();
const someone = '11111111-1111-4111-8111-111111111111';

beforeEach(async () => {
  await database.pool.query(
    'truncate users, email_links, sms_messages, sms_verification_log, sms_verifications, audit_log, sms_spend cascade',
  );
  await database.pool.query(
    `insert into users (id, email, email_key, name, password_hash, created_at, activated_at, password_changed_at)
     values ($1, 'a@example.com', 'a@example.com', 'A', '-', $2, $2, $2)`,
    [someone, noon],
  );
});

const giveTexts = (
  rows: number,
  days: number,
  more = { direction: 'out', meaning: 'none', status: 'delivered' },
) =>
  database.pool.query(
    `insert into sms_messages (id, direction, user_id, phone, purpose, template, params, created_at, send_after, status,
       provider_sid, segments, price, reserved_at, price_settled_at, body, details, dedupe_key, network, spend_scopes)
     select gen_random_uuid(), $3, $1, '+14155550123', 'update', 'applicationStatus',
       jsonb_build_object('title', 'Maple Street 4', 'meaning', $4::text), $2, $2, $5, 'SM' || gen_random_uuid(), 1, 0.0079,
       $2, $2, 'Hello, it is me', '{"rule": "person"}', gen_random_uuid()::text, 'network:x', array['all']
     from generate_series(1, ${rows})`,
    [someone, daysAgo(days), more.direction, more.meaning, more.status],
  );

async function readTexts() {
  const { rows } = await database.pool.query<{ text: string; price: string; status: string }>(
    `select to_jsonb(m)::text as text, price::text, status from sms_messages m`,
  );
  return rows;
}

test('what a text says, and to whom, goes after five years; state and price stay, so that no sum changes', async () => {
  await giveTexts(3, 1826);
  await giveTexts(2, 1824);
  await database.pool.query(`insert into sms_spend (scope, minute, micros) values ('all', $1, 7900)`, [noon]);
  const sums = `select (select sum(price)::text from sms_messages), (select sum(segments)::int from sms_messages),
    (select sum(micros)::int from sms_spend)`;
  const before = (await database.pool.query(sums)).rows;
  await keepHouse(database.db, noon);
  expect((await database.pool.query(sums)).rows).toEqual(before);
  const texts = await readTexts();
  const telling = texts.filter(({ text }) =>
    ['+14155550123', 'Maple', 'Hello', someone, 'network:', 'SM'].some((word) => text.includes(word)),
  );
  expect([texts.length, telling.length]).toEqual([5, 2]);
  const { rows: erased } = await database.pool.query(
    'select distinct erased_at from sms_messages where erased_at is not null',
  );
  expect(erased).toEqual([{ erased_at: noon }]);
  expect(texts.every(({ status, price }) => status === 'delivered' && price === '0.007900')).toBe(true);
});

test('a month of standing still is caught up with in one round, a thousand texts at a time', async () => {
  await giveTexts(2 * batchRows + 7, 1856);
  await keepHouse(database.db, noon);
  const { rows } = await database.pool.query(
    `select count(*)::int as texts, count(*) filter (where phone <> '')::int as left from sms_messages`,
  );
  expect(rows).toEqual([{ texts: 2 * batchRows + 7, left: 0 }]);
});

test('a text that said STOP keeps its number and its words for good; one that waits is not touched', async () => {
  await giveTexts(1, 4000, { direction: 'in', meaning: 'stop', status: 'received' });
  await giveTexts(1, 4000, { direction: 'in', meaning: 'other', status: 'received' });
  await giveTexts(1, 4000, { direction: 'out', meaning: 'none', status: 'queued' });
  await keepHouse(database.db, noon);
  const kept = (await readTexts()).filter(({ text }) => text.includes('+14155550123'));
  expect(kept.map(({ text }) => /"meaning": "(\w+)"/.exec(text)?.[1]).sort()).toEqual(['none', 'stop']);
});

test('what was tried with unknown emails goes after 400 days, a thousand rows at a time; all else that was refused stays', async () => {
  const give = (rows: number, days: number, action: string, userId: string | null, actorId: string | null) =>
    database.pool.query(
      `insert into audit_log (at, action, user_id, actor_id, address) select $1, $2, $3, $4, '203.0.113.9' from generate_series(1, ${rows})`,
      [daysAgo(days), action, userId, actorId],
    );
  await give(2 * batchRows + 7, 401, 'sign_in_refused', null, null);
  await give(3, 399, 'sign_in_refused', null, null);
  await give(2, 401, 'sign_in_refused', someone, null);
  await give(1, 401, 'sign_in_refused', null, someone);
  await give(1, 401, 'registration_refused', null, null);
  await keepHouse(database.db, noon);
  const { rows } = await database.pool.query(
    'select action, user_id is null as unknown, count(*)::int from audit_log group by 1, 2 order by 1, 2',
  );
  expect(rows).toEqual([
    { action: 'registration_refused', unknown: true, count: 1 },
    { action: 'sign_in_refused', unknown: false, count: 2 },
    { action: 'sign_in_refused', unknown: true, count: 4 },
  ]);
});

test('attempts and closed challenges go after 400 days, and the address and browser of every other entry', async () => {
  for (const days of [399, 401]) {
    await database.pool.query(
      `insert into sms_verification_log (at, event, phone, user_id, address) values ($1, 'wrong_code', '+14155550123', $2, 'x')`,
      [daysAgo(days), someone],
    );
    await database.pool.query(
      `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at, ended_at, ended_by)
       values (gen_random_uuid(), $2, '+14155550123', 'prove', '', $1, $1, $1, $1, 'expired')`,
      [daysAgo(days), someone],
    );
    await database.pool.query(
      `insert into audit_log (at, action, user_id, address, user_agent) values ($1, 'signed_in', $2, '10.0.0.1', 'b')`,
      [daysAgo(days), someone],
    );
  }
  await keepHouse(database.db, noon);
  const { rows } = await database.pool.query(`select
    (select array_agg(at) from sms_verification_log) as attempts,
    (select array_agg(created_at) from sms_verifications) as challenges,
    (select count(*)::int from audit_log) as entries,
    (select array_agg(at) from audit_log where address is not null or user_agent is not null) as origins`);
  const young = [new Date(daysAgo(399))];
  expect(rows).toEqual([{ attempts: young, challenges: young, entries: 2, origins: young }]);
});

test('a challenge that is open still is ended before it is removed, and its end is logged', async () => {
  await database.pool.query(
    `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at)
     values (gen_random_uuid(), $2, '+14155550123', 'prove', '', $1, $1, $1)`,
    [daysAgo(500), someone],
  );
  await keepHouse(database.db, noon);
  const { rows } = await database.pool.query(
    'select event from sms_verification_log where at = $1 union all select id::text from sms_verifications',
    [noon],
  );
  expect(rows).toEqual([{ event: 'expired' }]);
});

test('a proof that waits for an admin’s decision stays for its ninety days, however short attempts are kept', async () => {
  const { pruneAttempts } = await import('@/lib/sms/verification/erase-attempts');
  for (const days of [89, 91]) {
    await database.pool.query(
      `insert into sms_verification_log (at, event, reason) values ($1, 'verified', 'number_protected')`,
      [daysAgo(days)],
    );
  }
  expect(await pruneAttempts(database.db, new Date(daysAgo(1)), noon, 100)).toBe(1);
});

test('consents are never touched', async () => {
  await database.pool.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     values ($1, $2, '+14155550123', 'updates', 'granted', 'registration', '1', 'Yes.', 'Doorstep')`,
    [daysAgo(5000), someone],
  );
  await database.pool.query(
    `insert into phone_numbers (number, suppressed_at, suppressed_by) values ('+14155550123', $1, 'sms_stop')`,
    [daysAgo(5000)],
  );
  await keepHouse(database.db, noon);
  const { rows } = await database.pool
    .query(`select (select count(*)::int from sms_consents where phone = '+14155550123'),
    (select suppressed_by from phone_numbers where number = '+14155550123')`);
  expect(rows).toEqual([{ count: 1, suppressed_by: 'sms_stop' }]);
});

test('links and mails go by age: those of an account after 400 days, those to strangers after a week', async () => {
  const { userId, email } = await givePerson(database.db, { active: true });
  const give = async (days: number, owner: string | null) => {
    const now = new Date(daysAgo(days));
    const purpose = owner === null ? 'claim' : 'confirm';
    const template = owner === null ? 'claimEmail' : 'confirmEmail';
    await enqueueLinkMail(database.db, { purpose, template, userId: owner, email, now });
  };
  for (const days of [399, 401]) await give(days, userId);
  for (const days of [6, 8]) await give(days, null);
  await keepHouse(database.db, noon);
  const { rows } = await database.pool
    .query(`select array_agg(links.created_at order by links.created_at) as links,
    (select array_agg(created_at order by created_at) from mails) as mails from email_links links`);
  const young = [new Date(daysAgo(399)), new Date(daysAgo(6))];
  expect(rows).toEqual([{ links: young, mails: young }]);
});
