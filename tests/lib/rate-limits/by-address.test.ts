import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import type { Env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';
import { useDatabase } from '@/tests/support/database';
import { after, noon } from '@/tests/support/people';

const database = useDatabase();
const { atOnce, perHour } = limits.perAddress.register;
const stepSeconds = 3600 / perHour;
const take = (address: string, now = noon) => takeAddressHit(database.db, 'register', address, now);
const takeAll = (addresses: readonly string[], now = noon) =>
  Promise.all(addresses.map((address) => take(address, now)));
const passed = (outcomes: readonly { ok: boolean }[]) => outcomes.filter(({ ok }) => ok).length;

/** An address of the `nth` /64 within a network of 48 bits, all in the same few /56. */
const inSubnet = (network: string, nth: number) => `${network}:${nth.toString(16)}::1`;

const overrides = vi.hoisted((): { upstash: Env['upstash'] } => ({ upstash: null }));
vi.mock(import('@/lib/env'), async (importOriginal) => {
  const real = await importOriginal();
  return { ...real, env: () => ({ ...real.env(), ...overrides }) };
});
afterEach(() => {
  overrides.upstash = null;
});

test('of three hundred at the same instant twenty pass, and the refusal names the moment of the next', async () => {
  const outcomes = await takeAll(Array<string>(300).fill('192.0.2.10'));
  expect(passed(outcomes)).toBe(atOnce);
  const refused = await take('192.0.2.10');
  expect(refused).toEqual({ ok: false, retryAt: after(noon, stepSeconds) });
  expect((await take('192.0.2.10', after(noon, stepSeconds - 0.001))).ok).toBe(false);
  expect((await take('192.0.2.10', after(noon, stepSeconds))).ok).toBe(true);
  expect((await take('192.0.2.11')).ok).toBe(true);
});

test('an hour lets two hundred more pass, evenly, and a rest no more than twenty at once', async () => {
  const one = '192.0.2.12';
  expect(passed(await takeAll(Array<string>(50).fill(one)))).toBe(20);
  let later = 0;
  for (let second = 1; second <= 3600; second += 9) {
    if ((await take(one, after(noon, second))).ok) later += 1;
  }
  expect(later).toBe(199);
  expect(passed(await takeAll(Array<string>(50).fill(one), after(noon, 9 * 3600)))).toBe(20);
});

test('addresses of one IPv6 network of 64 bits count as one', async () => {
  for (let i = 0; i < atOnce; i += 1) await take(`2001:db8:0:1::${(i + 1).toString(16)}`);
  expect(await take('2001:db8:0:1:ffff::1')).toEqual({ ok: false, retryAt: after(noon, stepSeconds) });
  expect((await take('2001:db8:0:2::1')).ok).toBe(true);
});

test('of a /56 forty pass at once and of a /48 eighty, from however many networks of 64 bits', async () => {
  const of56 = Array.from({ length: 250 }, (_, i) => inSubnet('2001:db8:56', i));
  expect(passed(await takeAll(of56))).toBe(40);
  expect(await take(inSubnet('2001:db8:56', 255))).toEqual({
    ok: false,
    retryAt: after(noon, stepSeconds / 2),
  });
  expect((await take(inSubnet('2001:db8:56', 256))).ok).toBe(true);

  const of48 = Array.from({ length: 1000 }, (_, i) => inSubnet('2001:db8:48', i * 61));
  expect(passed(await takeAll(of48))).toBe(80);
  expect(await take(inSubnet('2001:db8:48', 7))).toEqual({
    ok: false,
    retryAt: after(noon, stepSeconds / 4),
  });
  expect((await take(inSubnet('2001:db8:49', 7))).ok).toBe(true);
});

test('what a wider network refuses takes nothing from the narrower ones, and the moment is that of the fullest', async () => {
  const mine = inSubnet('2001:db8:7', 0xff00);
  await takeAll(Array.from({ length: 80 }, (_, i) => inSubnet('2001:db8:7', i * 256)));
  for (let i = 0; i < 30; i += 1) expect((await take(mine)).ok).toBe(false);
  const rested = after(noon, 80 * stepSeconds);
  expect(passed(await takeAll(Array<string>(50).fill(mine), rested))).toBe(atOnce);
  // The /48 has had room for 60 more all the time; the own /64 is the fullest.
  expect(await take(mine, rested)).toEqual({ ok: false, retryAt: after(rested, stepSeconds) });
});

test.each([
  ['sign_in', 100, 6],
  ['check', 200, 3],
  ['send', 20, 18],
] as const)('an office may %s %d times at once, and again every %d seconds', async (limit, size, seconds) => {
  const one = '192.0.2.13';
  const hit = (now: Date) => takeAddressHit(database.db, limit, one, now);
  expect(passed(await Promise.all(Array.from({ length: size + 10 }, () => hit(noon))))).toBe(size);
  expect(await hit(noon)).toEqual({ ok: false, retryAt: after(noon, seconds) });
});

test('a web server whose clock is ahead shuts nobody out, and opens nothing to those it agrees with', async () => {
  const one = '192.0.2.13';
  expect((await take(one, after(noon, 10 * 24 * 3600))).ok).toBe(true);
  expect(passed(await takeAll(Array<string>(50).fill(one)))).toBe(atOnce);
  // A second apart, as two servers are: what one filled is full for the other.
  const another = '192.0.2.14';
  expect(passed(await takeAll(Array<string>(50).fill(another), after(noon, 1)))).toBe(atOnce);
  expect((await take(another)).ok).toBe(false);
  // A quarter of an hour apart, turn about.
  const turns = [];
  for (let turn = 0; turn < atOnce; turn += 1) {
    turns.push(await take('192.0.2.15', turn % 2 === 0 ? after(noon, 900) : noon));
  }
  expect(passed(turns)).toBe(atOnce);
});

describe('with Upstash', () => {
  type Respond = (body: string, status?: number) => void;
  let answer: (respond: Respond, body: string) => void;
  let asked = 0;
  let open = 0;
  const server = createServer((request, response) => {
    asked += 1;
    open += 1;
    response.on('close', () => (open -= 1));
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      answer((body, status = 200) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(body);
      }, Buffer.concat(chunks).toString()),
    );
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
    answer = say([5, Date.now() + 18_000, atOnce]);
    expect(await take('192.0.2.20', now)).toEqual({ ok: true });
    const retryAt = after(now, 18);
    answer = say([-1, retryAt.getTime(), atOnce]);
    expect(await take('192.0.2.20', now)).toEqual({ ok: false, retryAt });
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
    ['answers what another limiter answers', say([-1, atOnce])],
    ['answers no moment', say([-1, null, atOnce])],
    ['answers the wrong size', say([-1, Date.now(), 0])],
    ['answers true', say(true)],
  ])('PostgreSQL decides when Redis %s', async (_what, respond) => {
    answer = respond;
    expect(await take('192.0.2.30', now)).toEqual({ ok: true });
    expect(asked).toBeGreaterThan(0);
    expect(await countBuckets()).toBe(1);
    await database.pool.query(`update rate_limits set empty_at = $1`, [after(now, atOnce * stepSeconds)]);
    expect((await take('192.0.2.30', after(now, 10))).ok).toBe(false);
  });

  test('a Redis that fails says so once and not per request, and once that it answers again', async () => {
    const lines: string[] = [];
    const stderr = vi
      .spyOn(process.stderr, 'write')
      .mockImplementation((line) => lines.push(String(line)) > 0);
    const events = () => lines.splice(0).map((line) => line.split(' ').slice(1, 3).join(' ').trim());
    try {
      answer = say([5, Date.now() + 18_000, atOnce]);
      await take('192.0.2.35', now);
      lines.splice(0);
      answer = (respond) => respond('{"error":"down"}', 500);
      await Promise.all(Array.from({ length: 5 }, () => take('192.0.2.35', now)));
      for (const seconds of [6, 12, 18]) await take('192.0.2.35', after(now, seconds));
      expect(events()).toEqual(['warn redis_failing']);
      answer = say([5, Date.now() + 18_000, atOnce]);
      for (const seconds of [24, 25]) await take('192.0.2.35', after(now, seconds));
      expect(events()).toEqual(['info redis_answers_again']);
    } finally {
      stderr.mockRestore();
    }
  });

  test('a request that hangs is given up, and Redis is left alone for five seconds', async () => {
    answer = () => undefined;
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 10 }, () => take('192.0.2.40', now)));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await vi.waitFor(() => expect(open).toBe(0), 30_000);
    const askedBefore = asked;
    answer = say([-1, Date.now(), atOnce]);
    expect((await take('192.0.2.40', after(now, 4.9))).ok).toBe(true);
    expect(asked).toBe(askedBefore);
    expect((await take('192.0.2.40', after(now, 5))).ok).toBe(false);
    expect(asked).toBe(askedBefore + 1);
  });

  /** Redis as far as the library's scripts for token buckets go: at one fixed moment, all buckets full at first. */
  function keepBuckets(): Map<string, number> {
    const left = new Map<string, number>();
    answer = (respond, body) => {
      const results = (JSON.parse(body) as unknown[][]).map(([, , , key, size, step, , , takes]) => {
        const name = String(key);
        const before = left.get(name) ?? Number(size);
        const reset = now.getTime() + Number(step ?? 0);
        if (takes === undefined) return [before, left.has(name) ? now.getTime() : -1, Number(size)];
        if (Number(takes) > before) return [-1, reset, Number(size)];
        left.set(name, before - Number(takes));
        return [before - Number(takes), reset, Number(size)];
      });
      respond(JSON.stringify(results.map((result) => ({ result }))));
    };
    return left;
  }

  test('networks of IPv6 have the same figures, and what a wider one refuses returns to the narrower', async () => {
    const left = keepBuckets();
    for (let i = 0; i < 40; i += 1) expect((await take(inSubnet('2001:db8:56', i), now)).ok).toBe(true);
    const refused = await take(inSubnet('2001:db8:56', 99), now);
    expect(refused).toEqual({ ok: false, retryAt: after(now, stepSeconds / 2) });
    expect([...left.values()].sort((a, b) => a - b)).toEqual([0, ...Array<number>(40).fill(19), 20, 40]);
    for (let i = 0; i < 40; i += 1) await take(inSubnet('2001:db8:56', 256 * (i + 1)), now);
    expect((await take(inSubnet('2001:db8:56', 0xff00), now)).ok).toBe(false);
    expect(await countBuckets()).toBe(0);
  });

  test('the moment of a refusal is that of the fullest network', async () => {
    keepBuckets();
    for (let i = 0; i < 20; i += 1) await take('2001:db8:64:1::1', now);
    for (let i = 0; i < 60; i += 1) await take(inSubnet('2001:db8:64', 256 * (i + 1)), now);
    // One more of the /64 comes after 18 seconds; the /48 is empty, too, and its next comes sooner.
    expect(await take('2001:db8:64:1::1', now)).toEqual({ ok: false, retryAt: after(now, stepSeconds) });
  });
});
