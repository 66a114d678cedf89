import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { takeCoarseHit } from '@/lib/coarse-limits';
import type { Env } from '@/lib/env';
import { limits, type CoarseLimit } from '@/lib/limits';
import { useDatabase } from '@/tests/support/database';
import { after, noon } from '@/tests/support/people';

const database = useDatabase();
const { limit, windowSeconds } = limits.perAddress.register;
const take = (address: string, now = noon, name: CoarseLimit = 'register') =>
  takeCoarseHit(database.db, name, address, now);

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

async function withRedis(answer: (respond: (body: string, status?: number) => void) => void) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    answer((body, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  overrides.upstash = { url: `http://127.0.0.1:${port}`, token: 'test' };
  return {
    asked: () => asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

test('Redis decides when it answers', async () => {
  const redis = await withRedis((respond) => respond(JSON.stringify([{ result: [-1, limit] }])));
  expect((await take('192.0.2.20', new Date())).ok).toBe(false);
  expect(redis.asked()).toBeGreaterThan(0);
  await redis.close();
});

test.each<[string, CoarseLimit, (respond: (body: string, status?: number) => void) => void]>([
  ['hangs', 'send', () => undefined],
  ['fails', 'check', (respond: (body: string, status?: number) => void) => respond('{"error":"down"}', 500)],
])('PostgreSQL decides when Redis %s', async (_what, name, answer) => {
  const redis = await withRedis(answer);
  await database.pool.query('truncate rate_limits');
  expect((await take('192.0.2.30', noon, name)).ok).toBe(true);
  expect(redis.asked()).toBeGreaterThan(0);
  const { rows } = await database.pool.query('select 1 from rate_limits where empty_at > $1', [noon]);
  expect(rows).toHaveLength(1);
  await redis.close();
});
