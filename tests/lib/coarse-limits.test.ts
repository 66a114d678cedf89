import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { takeCoarseHit } from '@/lib/coarse-limits';
import type { Env } from '@/lib/env';
import { limits } from '@/lib/limits';
import { useDatabase } from '@/tests/support/database';
import { after, noon } from '@/tests/support/people';

const database = useDatabase();
const { limit, windowSeconds } = limits.perAddress.register;
const take = (address: string, now = noon) => takeCoarseHit(database.db, 'register', address, now);

const overrides = vi.hoisted((): { upstash: Env['upstash'] } => ({ upstash: null }));
vi.mock(import('@/lib/env'), async (importOriginal) => {
  const real = await importOriginal();
  return { ...real, env: () => ({ ...real.env(), ...overrides }) };
});
afterEach(() => {
  overrides.upstash = null;
});

test('an address may use up its limit and no more, and is told when the next is allowed', async () => {
  const outcomes = await Promise.all(Array.from({ length: limit + 20 }, () => take('192.0.2.10')));
  expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(limit);
  const refused = await take('192.0.2.10');
  expect(refused).toEqual({ ok: false, retryAt: after(noon, windowSeconds / limit) });
  expect((await take('192.0.2.10', after(noon, windowSeconds / limit))).ok).toBe(true);
  expect((await take('192.0.2.11')).ok).toBe(true);
});

test('addresses of one IPv6 network of 64 bits count as one', async () => {
  for (let i = 0; i < limit; i += 1) await take(`2001:db8:0:1::${(i + 1).toString(16)}`);
  expect((await take('2001:db8:0:1:ffff::1')).ok).toBe(false);
  expect((await take('2001:db8:0:2::1')).ok).toBe(true);
});

describe('with Upstash', () => {
  type Respond = (body: string, status?: number) => void;
  let answer: (respond: Respond) => void;
  let asked = 0;
  let open = 0;
  const server = createServer((request, response) => {
    asked += 1;
    open += 1;
    response.on('close', () => (open -= 1));
    request.resume();
    answer((body, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body);
    });
  });
  let url: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  // A fault is remembered for some seconds, so each test has an hour of its own.
  let now = noon;
  beforeEach(async () => {
    overrides.upstash = { url, token: 'test' };
    now = after(now, 3600);
    asked = 0;
    await database.pool.query('truncate rate_limits');
  });

  const say = (result: unknown) => (respond: Respond) => respond(JSON.stringify([{ result }]));
  const countBuckets = async () => (await database.pool.query('select 1 from rate_limits')).rowCount;

  test('Redis decides when it answers', async () => {
    answer = say([5, limit]);
    expect(await take('192.0.2.20', now)).toEqual({ ok: true });
    answer = say([-1, limit]);
    expect((await take('192.0.2.20', now)).ok).toBe(false);
    expect(asked).toBe(2);
    expect(await countBuckets()).toBe(0);
  });

  test.each<[string, (respond: Respond) => void]>([
    ['hangs', () => undefined],
    ['fails', (respond) => respond('{"error":"down"}', 500)],
    ['refuses the token', (respond) => respond('[{"error":"WRONGPASS"}]')],
    ['is a page of HTML', (respond) => respond('<html>')],
    ['answers nothing', (respond) => respond('')],
    ['answers null', (respond) => respond('null')],
    ['answers "lol"', say('lol')],
    ['answers an empty list', say([])],
    ['answers a list of nothing', say([null, null])],
    ['answers the wrong limit', say([-1, 0])],
    ['answers true', say(true)],
  ])('PostgreSQL decides when Redis %s', async (_what, respond) => {
    answer = respond;
    expect(await take('192.0.2.30', now)).toEqual({ ok: true });
    expect(asked).toBeGreaterThan(0);
    expect(await countBuckets()).toBe(1);
    await database.pool.query(`update rate_limits set empty_at = $1`, [after(now, windowSeconds)]);
    expect((await take('192.0.2.30', after(now, 10))).ok).toBe(false);
  });

  test('a request that hangs is given up, and Redis is left alone for five seconds', async () => {
    answer = () => undefined;
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 10 }, () => take('192.0.2.40', now)));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await vi.waitFor(() => expect(open).toBe(0));
    const askedBefore = asked;
    answer = say([-1, limit]);
    expect((await take('192.0.2.40', after(now, 4.9))).ok).toBe(true);
    expect(asked).toBe(askedBefore);
    expect((await take('192.0.2.40', after(now, 5))).ok).toBe(false);
    expect(asked).toBe(askedBefore + 1);
  });
});
