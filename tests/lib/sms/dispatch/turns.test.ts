import { sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import { beforeEach, expect, test } from 'vitest';
import type { Db } from '@/db/client';
import { openLog } from '@/lib/log';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { ofManyInTurns } from '@/lib/sms/capacity/send-order';
import { claimSends, countStrangers } from '@/lib/sms/dispatch/claim';
import { openConsole } from '@/lib/sms/provider/console';
import { useDatabase } from '../../../support/database';
import { openPlanRecorder, type PlanNode } from '../../../support/plans';
import { makeEnv } from '../../../support/texts';

const database = useDatabase();

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_senders, sms_verification_log`);
});

type Kind = { purpose: string; sendClass?: string; status?: string; source?: string };

/** Texts that are due, each a little later than the one before; the names say what they are. */
async function fill(count: number, { purpose, sendClass, status = 'queued', source }: Kind): Promise<void> {
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, send_class, network, created_at, send_after, status, source)
    select gen_random_uuid(), '+1' || (2000000 + i)::text || '0000', ${purpose}, 'test', ${sendClass ?? null},
      'network:' || i, now(), now() - interval '1 hour' + i * interval '1 ms', ${status}, ${source ?? null}::uuid
    from generate_series(1, ${count}::int) i`);
}

/** Claims at a pace that has room for one text at a time, or without one. */
async function claim(db: Db, { strangersBefore = 0, isPaced = true } = {}) {
  const env = makeEnv(database.url, isPaced ? { SMS_MESSAGES_PER_SECOND: '1' } : {});
  const work = { db, env, provider: openConsole(() => undefined), log: openLog({ level: 'error' }) };
  const room = { room: 64, roomForOthers: 48, strangersBefore, leadMs: 0 };
  const found = await claimSends(
    { ...work, paceClock: new PaceClock(), role: 'updates' as const, clockOffsetMs: 0 },
    room,
  );
  const { rows } = await database.db.execute<{ kind: string }>(sql`
    select coalesce(send_class, source::text, purpose) as kind from sms_messages
    where id = any(${sql.param(found.held.map(({ id }) => id))}::uuid[])`);
  return { found, kinds: rows.map(({ kind }) => kind) };
}

/** What goes out one after the other, as one dispatcher claims it. */
async function claimInTurn(times: number): Promise<string[]> {
  const went: string[] = [];
  let strangersBefore = 0;
  for (let nth = 0; nth < times; nth += 1) {
    const { found, kinds } = await claim(database.db, { strangersBefore });
    strangersBefore = countStrangers(strangersBefore, found);
    went.push(...kinds);
  }
  return went;
}

test('at one text a second, strangers’ codes leave each fourth place to what is no code, notices first', async () => {
  await fill(20, { purpose: 'verification', sendClass: 'prove' });
  await fill(10, { purpose: 'update' });
  await fill(1, { purpose: 'notice' });
  const turn = ['prove', 'prove', 'prove'];
  expect(await claimInTurn(12)).toEqual([...turn, 'notice', ...turn, 'update', ...turn, 'update']);
});

test('strangers’ codes take every place while nothing else waits, and the next is another’s as soon as it does', async () => {
  await fill(20, { purpose: 'verification', sendClass: 'recover' });
  expect(new Set(await claimInTurn(8))).toEqual(new Set(['recover']));
  await fill(2, { purpose: 'test' });
  const { kinds } = await claim(database.db, { strangersBefore: 3 });
  expect(kinds).toEqual(['test']);
});

test('codes of people who are known go before everything else, whoever has waited', async () => {
  await fill(20, { purpose: 'verification', sendClass: 'prove' });
  await fill(3, { purpose: 'verification', sendClass: 'sign_in' });
  await fill(3, { purpose: 'notice' });
  const { kinds } = await claim(database.db, { strangersBefore: 3 });
  expect(kinds).toEqual(['sign_in']);
});

test('without a pace, too, a quarter of the room that strangers would fill is for what is no code', async () => {
  await fill(100, { purpose: 'verification', sendClass: 'prove' });
  await fill(100, { purpose: 'update' });
  const { found, kinds } = await claim(database.db, { isPaced: false });
  expect(found.strangers).toBe(48);
  expect(kinds.filter((kind) => kind === 'update')).toHaveLength(16);
});

test('a text that is no code and in other hands just now keeps no stranger’s code waiting', async () => {
  await fill(5, { purpose: 'verification', sendClass: 'prove' });
  await fill(2, { purpose: 'update' });
  const client = await database.pool.connect();
  await client.query('begin');
  await client.query(`select from sms_messages where purpose = 'update' for update`);
  const { kinds } = await claim(database.db, { strangersBefore: 3 });
  await client.query('rollback');
  client.release();
  expect(kinds).toEqual(['prove']);
});

/** How many rows all steps of a plan handled on the texts, those that a filter threw away too. */
function countTexts(node: PlanNode): number {
  const own =
    node['Relation Name'] === 'sms_messages'
      ? (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)
      : 0;
  return (
    own * (node['Actual Loops'] ?? 1) + (node.Plans ?? []).reduce((sum, each) => sum + countTexts(each), 0)
  );
}

test('a notice is found without reading the updates before it, though the planner believes that nothing waits', async () => {
  await database.db.execute(sql`alter table sms_messages set (autovacuum_enabled = off)`);
  await fill(50_000, { purpose: 'update', status: 'delivered' });
  await database.db.execute(sql`vacuum analyze sms_messages`);
  await fill(5_000, { purpose: 'update' });
  await fill(1, { purpose: 'notice' });
  const recorder = openPlanRecorder(database.url);
  try {
    const { kinds } = await claim(recorder.db);
    expect(kinds).toEqual(['notice']);
    for (const { plan } of recorder.ran) expect(countTexts(plan)).toBeLessThan(100);
  } finally {
    await recorder.end();
  }
});

const [bulk, another] = ['10000000-0000-4000-8000-000000000000', '20000000-0000-4000-8000-000000000000'];

test('a single update goes before all that is left of a bulk move, and notices and known codes before both', async () => {
  await fill(500, { purpose: 'update', source: bulk });
  expect(await claimInTurn(2)).toEqual([bulk, bulk]);
  await fill(2, { purpose: 'update' });
  await fill(1, { purpose: 'notice' });
  await fill(1, { purpose: 'verification', sendClass: 'sign_in' });
  expect(await claimInTurn(5)).toEqual(['sign_in', 'notice', 'update', 'update', bulk]);
});

test('bulk moves take turns, however long the one before waits already', async () => {
  await fill(1_000, { purpose: 'update', source: bulk });
  await fill(100, { purpose: 'update', source: another });
  const { kinds } = await claim(database.db, { isPaced: false });
  expect(kinds.filter((kind) => kind === bulk)).toHaveLength(24);
  expect(kinds.filter((kind) => kind === another)).toHaveLength(24);
});

test('at one text a second, neither of two bulk moves waits for the end of the other', async () => {
  await fill(200, { purpose: 'update', source: bulk });
  await fill(200, { purpose: 'update', source: another });
  const went = await claimInTurn(60);
  // By lot: that one has fewer than ten of sixty places happens once in a hundred million times.
  for (const each of [bulk, another])
    expect(went.filter((kind) => kind === each).length).toBeGreaterThanOrEqual(10);
});

test('an update is found without reading the texts of a bulk move before it, nor those of one bulk move for another’s', async () => {
  await database.db.execute(sql`alter table sms_messages set (autovacuum_enabled = off)`);
  await fill(50_000, { purpose: 'update', status: 'delivered' });
  await database.db.execute(sql`vacuum analyze sms_messages`);
  await fill(10_000, { purpose: 'update', source: bulk });
  await fill(5, { purpose: 'update', source: another });
  await fill(1, { purpose: 'update' });
  const recorder = openPlanRecorder(database.url);
  try {
    const { kinds } = await claim(recorder.db);
    expect(kinds).toEqual(['update']);
    const [next] = (await claim(recorder.db)).kinds;
    expect([bulk, another]).toContain(next);
    for (const { plan } of recorder.ran) expect(countTexts(plan)).toBeLessThan(100);
  } finally {
    await recorder.end();
  }
});

test.each([
  [1, 48],
  [2, 96],
  [10, 100],
])('of %i sources with many texts each, a claim of 48 locks %i at most', async (sources, locked) => {
  for (let nth = 0; nth < sources; nth += 1) {
    await fill(60, { purpose: 'update', source: `00000000-0000-4000-8000-00000000000${nth}` });
  }
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    const claims = new PgDialect().sqlToQuery(
      sql`with recursive ${ofManyInTurns(sql`statement_timestamp()`, sql`48`)} select id from of_many`,
    );
    expect((await client.query(claims.sql, claims.params)).rows).toHaveLength(48);
    const free = await database.db.execute(sql`select from sms_messages for update skip locked`);
    expect(sources * 60 - free.rowCount!).toBe(locked);
  } finally {
    await client.query('rollback');
    client.release();
  }
});
