import { setTimeout as delay } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import { sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { openPool } from '@/db/client';
import { mails } from '@/db/schema/mail';
import { env } from '@/lib/env';
import { runMailer } from '@/lib/mail/deliver';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { useDatabase } from '../support/database';
import { newEmail } from '../support/people';
import { startStallingProxy } from '../support/stalling-proxy';

const database = useDatabase();

beforeEach(async () => {
  await database.db.delete(mails);
});

async function writeMails(): Promise<string[]> {
  const emails = Array.from({ length: 8 }, newEmail);
  for (const email of emails) {
    const link = { purpose: 'claim', template: 'claimEmail', userId: null, email, now: new Date() } as const;
    await enqueueLinkMail(database.db, link);
  }
  return emails.sort();
}

/** A mailer whose way to the database can go silent, with the times of a pool made shorter. */
async function startMailer({
  eachWayMs = 0,
  send,
}: { eachWayMs?: number; send?: () => Promise<unknown> } = {}) {
  const proxy = await startStallingProxy(database.url, { eachWayMs });
  const times = { connectTimeoutMs: 2_000, statementTimeoutMs: 3_000, queryTimeoutMs: 4_000 };
  const pool = openPool(proxy.url, times);
  const sent: string[] = [];
  const transport = {
    send: async ({ to }: { to: string }) => {
      await send?.();
      sent.push(to);
      return { ok: true as const };
    },
    close: () => undefined,
  };
  const mail = { via: 'smtp', url: 'smtp://127.0.0.1:1', from: 'no-reply@example.com' } as const;
  const settings = { ...env(), databaseUrl: proxy.url, mail };
  const mailer = runMailer({ db: drizzle(pool), env: settings, transport, log: () => undefined });
  const stop = async () => {
    await mailer.stop();
    await pool.end();
    await proxy.close();
  };
  return { proxy, sent, stop };
}

const countWhere = async (what: string) => {
  const { rows } = await database.db.execute<{ n: number }>(
    sql`select count(*)::int as n from mails where ${sql.raw(what)}`,
  );
  return rows[0]!.n;
};

const endLeases = () =>
  database.db.execute(
    sql`update mails set leased_until = now() - interval '1 second' where sent_at is null and leased_until is not null`,
  );

test('mails on their way while the database is away for a moment go out once, and are recorded when it is back', async () => {
  const emails = await writeMails();
  let begun = () => undefined as void;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const { proxy, sent, stop } = await startMailer({
    send: async () => {
      begun();
      await delay(50);
    },
  });
  try {
    await isBegun;
    proxy.stall();
    await delay(300);
    proxy.resume();
    // Also where their leases are over before that is heard: whoever sent them knows.
    await endLeases();
    await expect.poll(() => countWhere('sent_at is not null'), { timeout: 15_000 }).toBe(8);
    await endLeases();
    await delay(6_000);
    expect(sent.sort()).toEqual(emails);
  } finally {
    await stop();
  }
}, 60_000);

test('mails whose claim is never answered go out soon after the database is back', async () => {
  const { proxy, sent, stop } = await startMailer({ eachWayMs: 200 });
  try {
    await delay(1_500);
    const emails = await writeMails();
    await expect.poll(() => countWhere('leased_until > now()'), { timeout: 10_000, interval: 5 }).toBe(8);
    proxy.stall();
    await delay(1_000);
    proxy.resume();
    await expect.poll(() => sent.length, { timeout: 15_000 }).toBe(8);
    expect([...sent].sort()).toEqual(emails);
    expect(await countWhere('attempts <> 1')).toBe(0);
  } finally {
    await stop();
  }
}, 60_000);

test('two mailers whose rows someone holds past the leases send each mail once, and record it when that is over', async () => {
  const emails = await writeMails();
  let letGo = () => undefined as void;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const [one, other] = [await startMailer({ send: () => held }), await startMailer({ send: () => held })];
  const psql = await database.pool.connect();
  const goOut = () => [...one.sent, ...other.sent].sort();
  try {
    await psql.query('begin');
    await expect
      .poll(async () => (await psql.query('select from mails where lease_id is not null')).rowCount)
      .toBe(8);
    // Held before a mailer could record anything, by someone who meanwhile ends the leases and wakes both.
    await psql.query(`update mails set leased_until = now() - interval '1 second', sent_at = null`);
    letGo();
    await expect.poll(() => goOut().length).toBe(8);
    await psql.query(`select pg_notify('doorstep_mail', '')`);
    await psql.query('commit');
    await expect.poll(() => countWhere('sent_at is not null'), { timeout: 15_000 }).toBe(8);
    await delay(2_000);
    expect(goOut()).toEqual(emails);
    expect(await countWhere('attempts <> 1')).toBe(0);
  } finally {
    psql.release();
    await Promise.all([one.stop(), other.stop()]);
  }
}, 60_000);

test('what a mailer had claimed that died is sent by another within half a minute after its lease', async () => {
  const emails = await writeMails();
  await database.db.execute(sql`
    update mails set lease_id = gen_random_uuid(), leased_until = now() - interval '1 second', turn = 1201, attempts = 1`);
  const { sent, stop } = await startMailer();
  try {
    await delay(10_000);
    expect(sent).toEqual([]);
    await expect.poll(() => sent.length, { timeout: 20_000 }).toBe(8);
    expect([...sent].sort()).toEqual(emails);
  } finally {
    await stop();
  }
}, 60_000);
