import { sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { codesInLine } from '@/lib/sms/capacity/send-order';
import { askForRecovery } from '@/lib/sms/verification/recovery';
import { openRecoveryTurns } from '@/lib/sms/verification/recovery-turns';
import { sendRecoveryCodes } from '@/lib/sms/verification/send-recovery-codes';
import { useDatabase } from '../../../support/database';
import { contextAt, givePending, newPhone } from '../../../support/people';
import { makePerson, type Person } from '../../../support/texts';

process.env.SMS_MESSAGES_PER_SECOND = '1';

const database = useDatabase();
const log = openLog({ level: 'error', write: () => undefined });

beforeEach(() => database.db.execute(sql`truncate recoveries, sms_messages`));

/** Someone who forgot their password and asks for a code by text, so many seconds ago. */
async function forget(secondsAgo = 0, address?: string, inKnownBrowser = false): Promise<Person> {
  const person = await makePerson(database.db);
  await database.db.execute(sql`update phone_numbers set held_since = now() where number = ${person.phone}`);
  const at = new Date(Date.now() - secondsAgo * 1000);
  const email = `${person.userId}@example.com`;
  await askForRecovery(database.db, { email, token: null, inKnownBrowser }, contextAt(at, address));
  return person;
}

/** An address of a network of its own, in a wide network of its own. */
const elsewhere = (n: number) => `${20 + n}.7.7.7`;

async function countCodes({ userId }: Person): Promise<number> {
  const { rows } = await database.db.execute(sql`select 1 from sms_messages where user_id = ${userId}`);
  return rows.length;
}

test.each([
  ['say that they live for ever', `update recoveries set expires_at = 'infinity'`],
  [
    'cannot be handled',
    `create table broken as select number from phone_numbers;
     create function refuse_broken() returns trigger language plpgsql as $$ begin
       if new.phone in (select number from broken) then raise 'Broken'; end if; return new; end $$;
     create trigger refuse_broken before insert on sms_messages for each row execute function refuse_broken()`,
  ],
])(
  'fifty requests that %s keep nobody behind them waiting for a code',
  async (_what, wrong) => {
    for (let count = 0; count < 50; count += 1) await forget(2, elsewhere(count));
    await database.db.execute(sql.raw(wrong));
    const person = await forget();
    await sendRecoveryCodes(database.db, new Date(), log);
    await sendRecoveryCodes(database.db, new Date(), log);
    const { rows } = await database.db.execute(sql`select user_id from sms_messages`);
    expect(rows).toEqual([{ user_id: person.userId }]);
    await database.db.execute(
      sql.raw(`drop function if exists refuse_broken cascade; drop table if exists broken`),
    );
  },
  30_000,
);

test('one whose number someone holds is looked at again later, and others get their codes at once', async () => {
  const held = [await forget(3), await forget(2), await forget(1)];
  const person = await forget(0, elsewhere(0));
  const client = await database.pool.connect();
  await client.query('begin');
  await client.query('select from phone_numbers where number = any($1) for update', [
    held.map(({ phone }) => phone),
  ]);
  const begunMs = performance.now();
  await sendRecoveryCodes(database.db, new Date(), log);
  // Each waits for so long by itself that it would be seconds one after the other.
  expect(performance.now() - begunMs).toBeLessThan(2_500);
  expect(await countCodes(person)).toBe(1);
  await client.query('rollback');
  client.release();
  await sendRecoveryCodes(database.db, new Date(), log);
  expect(await Promise.all(held.map(countCodes))).toEqual([0, 0, 0]);
  await sendRecoveryCodes(database.db, new Date(Date.now() + 6_000), log);
  expect(await Promise.all(held.map(countCodes))).toEqual([1, 1, 1]);
});

test('a request of a clock that was ahead is not left until that moment comes', async () => {
  const person = await forget();
  await database.db.execute(sql`update recoveries set asked_at = now() + interval '5 minutes'`);
  await sendRecoveryCodes(database.db, new Date(), log);
  expect(await countCodes(person)).toBe(1);
});

test('a crowd that asks for codes to choose new passwords takes half of a minute’s places: who is new gets a code, and the others wait in their order', async () => {
  /** At one a second, with some room between two. */
  const most = 28;
  const people: Person[] = [];
  for (let count = 0; count < most + 12; count += 1) people.push(await forget(60 - count, elsewhere(count)));
  const sendAll = async () => {
    while ((await sendRecoveryCodes(database.db, new Date(), log)) > 0);
    return (await Promise.all(people.map(countCodes))).filter(
      (count, index) => count !== Number(index < got),
    );
  };
  let got = most;
  expect(await sendAll()).toEqual([]);
  // Throws where the code is refused.
  await givePending(database.db, newPhone(), new Date());
  await database.db.execute(sql`
    update sms_messages set status = 'sent', sent_at = now()
    where user_id = any(${sql.param(people.slice(0, 5).map(({ userId }) => userId))}::uuid[])`);
  got += 5;
  expect(await sendAll()).toEqual([]);
});

test('a crowd from thousands of networks of one provider keeps nobody from elsewhere waiting, and its networks go in turns', async () => {
  /** At one a second, with some room between two. */
  const most = 28;
  const turns = openRecoveryTurns();
  const send = () => sendRecoveryCodes(database.db, new Date(), log, turns);
  const busy = await Promise.all([300, 299, 298].map((secondsAgo) => forget(secondsAgo, '2001:db8:5::1')));
  const crowd: Person[] = [];
  for (let count = 0; count < most + 6; count += 1)
    crowd.push(await forget(200 - count, `2001:db8:${(256 + count).toString(16)}::1`));
  while ((await send()) > 0);
  // Half of the places are for one wide network.
  expect((await Promise.all(crowd.map(countCodes))).filter((count) => count === 1)).toHaveLength(
    most / 2 - 1,
  );
  expect(await Promise.all(busy.map(countCodes))).toEqual([1, 0, 0]);
  // The other half is for those of elsewhere, and when one goes out, a wide network that had none goes first.
  const others: Person[] = [];
  for (let count = 0; count < most / 2; count += 1) others.push(await forget(1, elsewhere(count)));
  while ((await send()) > 0);
  expect(await Promise.all(others.map(countCodes))).toEqual(others.map(() => 1));
  const last = await forget(0, elsewhere(200));
  expect(await send()).toBe(0);
  await database.db.execute(sql`update sms_messages set status = 'sent', sent_at = now()
    where id in (select id from sms_messages where status = 'queued' order by send_after limit 1)`);
  expect(await send()).toBe(1);
  expect(await countCodes(last)).toBe(1);
});

test('thirty that one network has waiting at the end of the line keep nobody’s from getting into it', async () => {
  const people: Person[] = [];
  for (let count = 0; count < 30; count += 1) people.push(await forget(60, '203.0.113.9'));
  while ((await sendRecoveryCodes(database.db, new Date(), log)) > 0);
  expect((await Promise.all(people.map(countCodes))).filter((count) => count === 1)).toHaveLength(3);
  // As they stood there before a network had so few at once, behind a crowd that fills the line.
  await database.db.execute(sql`
    insert into sms_messages (id, user_id, phone, purpose, template, network, send_class, created_at, send_after, expires_at, status)
    select gen_random_uuid(), user_id, phone, 'verification', 'verification', network, 'recover', created_at, send_after, expires_at, 'queued'
    from sms_messages, generate_series(1, 9)`);
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, network, send_class, created_at, send_after, expires_at, status)
    select gen_random_uuid(), '+1212' || (2000000 + i * 37), 'verification', 'verification', 'network:' || i, 'prove',
      now(), now() - interval '50 seconds', now() + interval '9 minutes', 'queued' from generate_series(1, 100) i`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, network)
    select now(), 'send_requested', phone, network from sms_messages, generate_series(1, 10) where send_class = 'recover'`);
  const person = await forget(0, elsewhere(0));
  await sendRecoveryCodes(database.db, new Date(), log);
  expect(await countCodes(person)).toBe(1);
});

test('while others fill the front of the line, ten wide networks get no more than two minutes’ places in, and an owner from elsewhere gets one', async () => {
  /** At one a second, with some room between two. */
  const most = 28;
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, network, send_class, created_at, send_after, expires_at, status)
    select gen_random_uuid(), '+1212' || (2000000 + i * 37), 'verification', 'verification', 'network:' || i, 'prove',
      now() - interval '300 seconds', now() - interval '300 seconds', now() + interval '5 minutes', 'queued'
    from generate_series(1, 100) i`);
  const crowd: Person[] = [];
  for (let count = 0; count < 150; count += 1) {
    crowd.push(await forget(100 - count / 2, `${100 + (count % 10)}.9.${count % 50}.1`));
  }
  const sendAll = async () => {
    while ((await sendRecoveryCodes(database.db, new Date(), log)) > 0);
    return (await Promise.all(crowd.map(countCodes))).filter((count) => count === 1).length;
  };
  const inLine = await sendAll();
  expect(inLine).toBeGreaterThan(most / 2);
  expect(inLine).toBeLessThanOrEqual(2 * most);
  const owner = await forget(0, elsewhere(0));
  expect(await sendAll()).toBe(inLine);
  expect(await countCodes(owner)).toBe(1);
});

test('in a browser that the account knows it goes to the line at once, in front of strangers’, though their places are taken and thousands wait', async () => {
  const before: Person[] = [];
  for (let count = 0; count < 28; count += 1) before.push(await forget(200 - count, elsewhere(count)));
  while ((await sendRecoveryCodes(database.db, new Date(), log)) > 0);
  await database.db.execute(sql`
    insert into recoveries (id, token_hash, email, email_key, nonce, address, created_at, expires_at, asked_at)
    select gen_random_uuid(), sha256(n::text::bytea), n || '@nobody.example', n || '@nobody.example', '\\x00', '20.' || n / 250 || '.7.' || n % 250,
      now(), now() + interval '10 minutes', now() - interval '100 seconds' + n * interval '1 millisecond'
    from generate_series(1, 6000) n`);
  const owner = await forget(97, elsewhere(0), true);
  expect(await sendRecoveryCodes(database.db, new Date(), log)).toBe(1);
  expect(await countCodes(owner)).toBe(1);
  const { rows } = await database.db.execute<{ user_id: string }>(sql`
    select user_id from sms_messages text join (${codesInLine(sql`now()`)}) line on line.id = text.id order by place limit 1`);
  expect(rows[0]!.user_id).toBe(owner.userId);
});

test('who has just asked is seen behind thousands that wait', async () => {
  await database.db.execute(sql`
    insert into recoveries (id, token_hash, email, email_key, nonce, address, created_at, expires_at, asked_at)
    select gen_random_uuid(), decode(md5(i::text), 'hex'), 'nobody' || i || '@example.com', 'nobody' || i || '@example.com', '\\x00',
      '2001:db8:' || to_hex(i) || '::1', now() - interval '2 minutes', now() + interval '8 minutes', now() - interval '2 minutes'
    from generate_series(1, 6000) i`);
  const person = await forget();
  await sendRecoveryCodes(database.db, new Date(), log);
  expect(await countCodes(person)).toBe(1);
});
