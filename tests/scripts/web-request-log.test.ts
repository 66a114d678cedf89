import { expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { currentRequestId } from '@/lib/request-scope';
import { makeRequestLog } from '../../scripts/web/request-log';
import { makeRouteNames, readRoutes } from '../../scripts/web/route-names';
import { serveWeb } from '../../scripts/web/serve';
import { findRoutes } from '../support/routes';

const routes = readRoutes('app');
const routeOf = makeRouteNames(routes);

/** Answers what a handler saw as the id of its request, after a while. */
async function serve(trustsProxy: boolean) {
  const lines: Record<string, unknown>[] = [];
  const log = openLog({
    level: 'debug',
    format: 'json',
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const web = await serveWeb({
    appUrl: new URL('http://localhost:3000'),
    port: 0,
    follow: makeRequestLog({ routeOf, trustsProxy, log: () => log }),
    handle: async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const { searchParams } = new URL(request.url!, 'http://localhost');
      response.statusCode = Number(searchParams.get('status') ?? (request.url === '/dashboard' ? 303 : 200));
      response.end(currentRequestId());
    },
  });
  const ask = async (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${web.port}${path}`, {
      redirect: 'manual',
      headers,
      ...init,
    });
    return { seen: await answer.text(), told: answer.headers.get('x-request-id') };
  };
  return { lines, ask, end: () => web.close(0) };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test('the routes of the log are those that the app has', () => {
  const names = findRoutes().map(({ name }) => name.split(' ')[1]!);
  expect([...routes].sort()).toEqual([...new Set(names)].sort());
});

test.each([
  ['/', '/'],
  ['/dashboard', '/dashboard'],
  ['/dashboard/', '/dashboard'],
  ['/users/enroll?link=A81pOsYDQ', '/users/enroll'],
  ['/admin/users/second-factor', '/admin/users/second-factor'],
  ['/admin/users/00000000-0000-4000-8000-123456789012', '/admin/users/[id]'],
  ['/_next/static/chunks/a.js', '/_next'],
  ['/+12125550100', 'none'],
  ['/admin/users/a/b', 'none'],
  ['/users/someone@example.com', 'none'],
])('%s is named %s', (target, name) => {
  expect(routeOf(target)).toBe(name);
});

test('each request is one line with its id, which its handler and its client know', async () => {
  const { lines, ask, end } = await serve(false);
  const first = await ask('/dashboard?q=someone@example.com');
  const second = await ask(
    '/staff/applications/00000000-0000-4000-8000-123456789012',
    {},
    {
      method: 'POST',
      body: 'a=b',
    },
  );
  await end();
  expect(first.told).toMatch(uuid);
  expect(second.told).toMatch(uuid);
  expect(second.told).not.toBe(first.told);
  expect([first.seen, second.seen]).toEqual([first.told, second.told]);
  expect(lines).toEqual([
    {
      time: expect.any(String) as unknown,
      level: 'info',
      event: 'request',
      request: first.told,
      method: 'GET',
      route: '/dashboard',
      status: 200,
      ms: expect.any(Number) as unknown,
    },
    {
      time: expect.any(String) as unknown,
      level: 'info',
      event: 'request',
      request: second.told,
      method: 'POST',
      route: '/staff/applications/[id]',
      status: 200,
      ms: expect.any(Number) as unknown,
    },
  ]);
});

test('a request that is refused before the app sees it is a line, too, and what machines ask for all day is for debug', async () => {
  const { lines, ask, end } = await serve(false);
  await ask('/dashboard', {}, { method: 'POST', headers: { origin: 'https://elsewhere.example' } });
  await ask('/api/health');
  await ask('/_next/static/a.js');
  await end();
  expect(lines.map(({ level, route, status }) => [level, route, status])).toEqual([
    ['info', '/dashboard', 403],
    ['debug', '/api/health', 200],
    ['debug', '/_next', 200],
  ]);
});

test.each(['/users/verify-phone/status', '/dev/phone/texts'])(
  '%s, which open pages ask every few seconds, is for debug until the answer is a refusal or an error',
  async (path) => {
    const { lines, ask, end } = await serve(false);
    for (const status of [200, 204, 303, 304, 404, 429, 500]) await ask(`${path}?status=${status}`);
    await end();
    expect(lines.map(({ level, route, status }) => [level, route, status])).toEqual([
      ['debug', path, 200],
      ['debug', path, 204],
      ['debug', path, 303],
      ['debug', path, 304],
      ['info', path, 404],
      ['info', path, 429],
      ['info', path, 500],
    ]);
  },
);

test('the id of X-Request-Id is taken from our own proxy alone, and only when it is well-formed', async () => {
  const given = '0F8FAD5B-D9CB-469F-A165-70867728950E';
  const hex = '7f9c24e8b3f14b0e9d1c2a3b4c5d6e7f';
  const trusting = await serve(true);
  expect((await trusting.ask('/', { 'x-request-id': given })).told).toBe(given.toLowerCase());
  expect((await trusting.ask('/', { 'x-request-id': hex })).told).toBe(hex);
  for (const odd of ['+12125550100', 'someone@example.com', `${given}0`, 'x'.repeat(32), 'a b', '']) {
    const { told, seen } = await trusting.ask('/', { 'x-request-id': odd });
    expect(told).toMatch(uuid);
    expect(seen).toBe(told);
  }
  await trusting.end();
  const alone = await serve(false);
  const { told } = await alone.ask('/', { 'x-request-id': hex });
  expect(told).toMatch(uuid);
  await alone.end();
});
