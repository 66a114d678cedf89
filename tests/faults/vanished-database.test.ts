import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GET } from '@/app/api/health/route';
import { closeDb, openPool, type Db } from '@/db/client';
import { rateLimits } from '@/db/schema/accounts';
import { register } from '@/lib/auth/registration/register';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { takeHits } from '@/lib/rate-limits/hits';
import { openLog } from '@/lib/log';
import { outboxChannel } from '@/lib/sms/outbox/text-outbox';
import { sendCode } from '@/lib/sms/verification/send-code';
import { checkCode } from '@/lib/sms/verification/check-code';
import { readVerificationState } from '@/lib/sms/verification/state';
import { listenToOutbox } from '@/lib/outbox-listener';
import { useDatabase } from '../support/database';
import { after, contextAt, givePending, newEmail, newPhone, noon } from '../support/people';
import { startStallingProxy, type StallingProxy } from '../support/stalling-proxy';

const database = useDatabase();
// So long that a machine which is busy with other things still opens ten connections within the first.
const connectTimeoutMs = 1_200;
const statementTimeoutMs = 1_000;
const queryTimeoutMs = 1_600;
const max = 10;

/** A wait for a connection, the settings of a new one, a statement; and a machine that is busy with other things. */
const patienceMs = 2 * connectTimeoutMs + queryTimeoutMs + 1_000;

let proxy: StallingProxy;
let pool: Pool;
let db: Db;

beforeAll(async () => {
  proxy = await startStallingProxy(database.url);
  // The process's own settings are read once; only the health page uses them here.
  process.env.DATABASE_URL = proxy.url;
});
afterAll(() => proxy.close());
beforeEach(() => {
  pool = openPool(proxy.url, { max, connectTimeoutMs, statementTimeoutMs, queryTimeoutMs });
  db = drizzle(pool);
});
afterEach(async () => {
  proxy.resume();
  await pool.end();
});

/** Opens so many connections and leaves them idle in the pool. */
async function warm(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => pool.query('select pg_sleep(0.1)')));
  expect(pool.idleCount).toBe(count);
}

/** How long a task takes to settle, and how. */
async function time<Value>(
  task: Promise<Value>,
): Promise<{ ms: number; value?: Value; error?: Error & { query?: string } }> {
  const startMs = performance.now();
  try {
    const value = await task;
    return { ms: performance.now() - startMs, value };
  } catch (error) {
    return { ms: performance.now() - startMs, error: error as Error };
  }
}

const waits = (seconds: number) => sql`select pg_sleep(${seconds})`;

/** As many transactions and queries as the pool has connections work, all at once and at once. */
async function expectAllWorks(): Promise<void> {
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: max }, (_, index) =>
      index % 2 === 0
        ? db.transaction((tx) => tx.execute(waits(0.05)).then(() => tx.execute(waits(0.05))))
        : db.execute(waits(0.1)),
    ),
  );
  expect(performance.now() - startMs).toBeLessThan(queryTimeoutMs);
  expect(pool).toMatchObject({ totalCount: max, idleCount: max, waitingCount: 0 });
}

describe('a database that vanishes without a word', () => {
  test('fourteen things under way all settle within their timeouts, and all works once it is back', async () => {
    const person = await givePending(database.db, newPhone());
    const known = await givePending(database.db, newPhone());
    const email = newEmail();
    const input = {
      name: 'Test Person',
      password: 'violet otter cactus',
      phone: null,
      smsOptIn: false,
      verifyPhone: false,
      tcpaConsent: false,
      timeZone: null,
    };
    await register(database.db, { ...input, email }, contextAt(noon));
    await warm(max);
    const underWay: Promise<unknown>[] = [
      db.execute(waits(0.5)),
      db.execute(waits(0.5)),
      pool.query('select pg_sleep(0.5)'),
      db.transaction((tx) => tx.execute(waits(0.5))),
      db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        await delay(300);
        return tx.execute(sql`select 2`);
      }),
      db.transaction((tx) => tx.transaction((inner) => inner.execute(waits(0.5)))),
      db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        await delay(300);
      }),
    ];
    const tasks = underWay.map((task) => time(task));
    await delay(150);
    proxy.stall();
    const begunTooLate: Promise<unknown>[] = [
      db.transaction((tx) => tx.execute(sql`select 1`)),
      db.execute(sql`select 1`),
      register(db, { ...input, email: newEmail() }, contextAt(noon)),
      signIn(db, { email, password: input.password }, contextAt(noon)),
      sendCode(db, person, contextAt(after(noon, 40))),
      checkCode(db, known, known.code, contextAt(after(noon, 40))),
      readVerificationState(db, person, after(noon, 40)),
    ];
    tasks.push(...begunTooLate.map((task) => time(task)));
    expect(tasks).toHaveLength(14);
    const settled = await Promise.all(tasks);
    for (const { ms, error } of settled) {
      expect(error).toBeInstanceOf(Error);
      expect(ms).toBeLessThan(patienceMs);
    }
    expect((await time(db.execute(sql`select 1`))).ms).toBeLessThan(patienceMs);
    expect(pool).toMatchObject({ totalCount: 0, waitingCount: 0 });

    proxy.resume();
    await expectAllWorks();
    expect(await checkCode(db, known, known.code, contextAt(after(noon, 50)))).toMatchObject({ ok: true });
    expect(await signIn(db, { email, password: input.password }, contextAt(noon))).toMatchObject({
      ok: true,
    });
  });

  test('a transaction tells which of its statements was lost, and its rollback waits for nothing', async () => {
    await warm(1);
    const lost = await time(
      db.transaction(async (tx) => {
        await tx.execute(sql`select 'kept'`);
        proxy.stall();
        await tx.execute(sql`select 'lost'`);
      }),
    );
    expect(lost.error).toMatchObject({
      query: `select 'lost'`,
      cause: { message: 'Query read timeout' },
    });
    expect(lost.ms).toBeLessThan(queryTimeoutMs * 1.8);
    proxy.resume();
    await expectAllWorks();
  });

  test('a rollback that is lost does not hide why it was asked for', async () => {
    const lost = await time(
      db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        proxy.stall();
        throw new Error('the first error');
      }),
    );
    expect(lost.error?.message).toBe('the first error');
    expect(lost.ms).toBeLessThan(queryTimeoutMs + 500);
    proxy.resume();
    await expectAllWorks();
  });

  test('a nested rollback that is lost hides nothing, and what surrounds it cannot be committed', async () => {
    const lost = await time(
      db.transaction(async (tx) => {
        await tx.execute(sql`create table never (id int)`);
        await tx
          .transaction(async () => {
            proxy.stall();
            throw new Error('the first error');
          })
          .catch((error: unknown) => expect(error).toMatchObject({ message: 'the first error' }));
        proxy.resume();
      }),
    );
    expect(lost.error).toMatchObject({ query: 'commit' });
    expect((await database.pool.query(`select to_regclass('never') as found`)).rows).toEqual([
      { found: null },
    ]);
    await expectAllWorks();
  });

  test('a lost commit is an error, since nobody knows what became of it', async () => {
    const lost = await time(
      db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        proxy.stall();
      }),
    );
    expect(lost.error).toMatchObject({ query: 'commit', cause: { message: 'Query read timeout' } });
    proxy.resume();
    await expectAllWorks();
  });

  test('a lost BEGIN costs the pool no connection, however often', async () => {
    for (let round = 0; round < 2; round += 1) {
      await warm(max);
      proxy.stall();
      const lost = await Promise.all(
        Array.from({ length: max }, () => time(db.transaction((tx) => tx.execute(sql`select 1`)))),
      );
      for (const { error } of lost) expect(error).toMatchObject({ query: 'begin' });
      proxy.resume();
      await expectAllWorks();
    }
  });

  test('after an absence that nobody noticed, one wait ends all that were silent as long', async () => {
    await warm(max);
    proxy.stall();
    proxy.resume();
    const first = time(db.execute(sql`select 1`));
    await delay(queryTimeoutMs / 2);
    const second = time(db.transaction((tx) => tx.execute(sql`select 1`)));
    expect((await first).error).toMatchObject({ cause: { message: 'Query read timeout' } });
    // Ended by the first one's wait, not by one of its own.
    expect((await second).error).toMatchObject({
      query: 'begin',
      cause: { message: 'PostgreSQL no longer answers on this connection' },
    });
    await expectAllWorks();
  });

  test('one connection that is lost takes none along that was answered meanwhile', async () => {
    const patient = openPool(database.url, { max: 2, statementTimeoutMs: 10_000, queryTimeoutMs });
    try {
      const answered = drizzle(patient).transaction(async (tx) => {
        for (let times = 0; times < 12; times += 1) await tx.execute(waits((1.5 * queryTimeoutMs) / 12_000));
        return 'kept';
      });
      const lost = await time(patient.query('select pg_sleep(5)'));
      expect(lost.error?.message).toBe('Query read timeout');
      expect(await answered).toBe('kept');
      expect(patient).toMatchObject({ totalCount: 1, idleCount: 1 });
    } finally {
      await patient.end();
    }
  });

  test('of hits that were counted as it went, none that was confirmed is missing', async () => {
    await warm(max);
    const rules = [{ limit: 1_000, windowSeconds: 3_600 }];
    let confirmed = 0;
    const untilGone = Array.from({ length: 8 }, async () => {
      for (let times = 0; times < 100; times += 1) {
        await takeHits(db, [{ keys: ['test:gone'], rules }], noon);
        confirmed += 1;
      }
    });
    const ends = Promise.allSettled(untilGone);
    await expect.poll(() => confirmed, { timeout: 10_000 }).toBeGreaterThan(0);
    proxy.stall();
    await ends;
    proxy.resume();
    await takeHits(db, [{ keys: ['test:gone'], rules }], noon);
    const [row] = await database.db.select().from(rateLimits).where(eq(rateLimits.key, 'test:gone'));
    expect(row!.hits.length).toBeGreaterThanOrEqual(confirmed + 1);
    expect(row!.hits.length).toBeLessThanOrEqual(confirmed + 9);
  });

  test('an error that tells of it names no value of the lost statement', async () => {
    const secrets = sql`select ${'someone.secret@example.com'}::text, ${'+15551234567'}::text`;
    await warm(max);
    proxy.stall();
    const lost = await Promise.all([
      time(db.execute(secrets)),
      time(db.transaction((tx) => tx.execute(secrets))),
      time(pool.query('select $1::text', ['someone.secret'])),
    ]);
    await delay(50);
    for (const { error } of lost) {
      expect(error).toBeInstanceOf(Error);
      expect(inspect(error, { depth: 12, showHidden: true })).not.toMatch(/secret|5551234567/);
    }
  });
});

describe('a database that cuts every connection', () => {
  test('all that is under way fails at once, and the next thing works', async () => {
    await warm(4);
    const tasks = [
      time(db.execute(waits(0.5))),
      time(db.transaction((tx) => tx.execute(waits(0.5)))),
      time(
        db.transaction(async (tx) => {
          await tx.execute(sql`select 1`);
          await delay(300);
          await tx.execute(sql`select 2`);
        }),
      ),
    ];
    await delay(150);
    proxy.cut();
    for (const { ms, error } of await Promise.all(tasks)) {
      expect(error).toBeInstanceOf(Error);
      expect(ms).toBeLessThan(queryTimeoutMs * 0.8);
    }
    await expectAllWorks();
  });

  test('a transaction that PostgreSQL ended for idling fails, and gives its place in the pool back', async () => {
    const idled = await time(
      db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        await delay(statementTimeoutMs + 300);
        await tx.execute(sql`select 2`);
      }),
    );
    expect(idled.error).toMatchObject({ query: 'select 2' });
    await expectAllWorks();
  });

  test('a statement that takes too long is ended by PostgreSQL itself, and its connection is kept', async () => {
    await warm(1);
    const slow = await time(db.transaction((tx) => tx.execute(waits(5))));
    expect(slow.error).toMatchObject({ cause: { code: '57014' } });
    expect(pool).toMatchObject({ totalCount: 1, idleCount: 1 });
  });
});

describe('what else holds a connection', () => {
  const listen = (wake: () => void) => {
    const stopping = new AbortController();
    const ended = listenToOutbox(proxy.url, {
      channel: outboxChannel,
      wake,
      log: openLog({ level: 'error' }),
      signal: stopping.signal,
      timing: { heartbeatMs: 300, answerMs: 300 },
    });
    return {
      stop: () => {
        stopping.abort();
        return ended;
      },
    };
  };

  test('who listens for texts hears of them again soon after the database is back', async () => {
    let heard = 0;
    const listener = listen(() => (heard += 1));
    while (heard === 0) await delay(10);
    proxy.stall();
    proxy.resume();
    // It wakes once when it is connected again.
    while (heard === 1) await delay(10);
    await database.pool.query(`notify ${outboxChannel}`);
    while (heard === 2) await delay(10);
    await listener.stop();
  }, 20_000);

  test('who listens can be told to stop while the database is gone', async () => {
    let heard = 0;
    const listener = listen(() => (heard += 1));
    while (heard === 0) await delay(10);
    proxy.stall();
    expect((await time(listener.stop())).ms).toBeLessThan(1_500);
  });

  test('the health page says so within a few seconds, and when it is back', async () => {
    try {
      expect((await GET()).status).toBe(200);
      proxy.stall();
      const gone = await Promise.all(Array.from({ length: 12 }, () => time(GET())));
      for (const { ms, value } of gone) {
        expect(value?.status).toBe(503);
        expect(ms).toBeLessThan(4_000);
      }
      proxy.resume();
      const backAtMs = performance.now();
      while ((await GET()).status !== 200) expect(performance.now() - backAtMs).toBeLessThan(20_000);
    } finally {
      await closeDb();
    }
  });
});
