import { EventEmitter, once } from 'node:events';
import { request, type ClientRequest, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examineRequest } from '../../scripts/web/examine-request';
import { serveWeb, type WebServer } from '../../scripts/web/serve';

type Answer = { status: number; body: string };

function ask(
  port: number,
  headers: Record<string, string>,
  { path = '/', host = '127.0.0.1' } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host, port, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

test('a request without any Host is answered 421', () => {
  const verdict = examineRequest({ url: '/', headers: {} }, '127.0.0.1', new URL('http://localhost:3000'));
  expect(verdict).toEqual({ ok: false, status: 421, reason: 'misdirected' });
});

test('what we ask ourselves for a form is from here, also where the visitor used another port than APP_URL names', () => {
  const headers = {
    host: '127.0.0.1:4202',
    origin: 'http://localhost:4202',
    'sec-fetch-site': 'same-origin',
  };
  const verdictOf = (socketAddress: string | null, given: IncomingHttpHeaders) =>
    examineRequest(
      { method: 'POST', url: '/', headers: given },
      socketAddress,
      new URL('http://localhost:4201'),
    );
  const own = { ...headers };
  expect(verdictOf(null, own)).toEqual({ ok: true });
  expect(own.origin).toBe('http://127.0.0.1:4202');
  const foreign = { ...headers, origin: 'http://localhost:4300' };
  expect(verdictOf('127.0.0.1', foreign)).toMatchObject({ ok: false, reason: 'foreign_origin' });
});

test('a form that a guard turns away is not sent again to where it leads: 307 becomes 303 for POST alone', async () => {
  const web = await serveWeb({
    appUrl: new URL('http://localhost:3000'),
    port: 0,
    handle: (_received, response) => {
      response.statusCode = 307;
      response.setHeader('location', '/users/login');
      response.end();
    },
  });
  const statusOf = async (method: string) => {
    const answer = await fetch(`http://127.0.0.1:${web.port}/`, { method, redirect: 'manual' });
    return [answer.status, answer.headers.get('location')];
  };
  expect(await statusOf('POST')).toEqual([303, '/users/login']);
  expect(await statusOf('GET')).toEqual([307, '/users/login']);
  await web.close(0);
});

test.each([
  [undefined, undefined],
  ['', undefined],
  ['theme=dark; doorstep-session.0=x; doorstep-session.1=y; doorstep-session-2=z; =; ;', undefined],
  ['doorstep-session=a.b; theme=dark;doorstep-pending=p', 'doorstep-session=a.b; doorstep-pending=p'],
  ['doorstep-session=first; doorstep-session=last=1', 'doorstep-session=last=1'],
  ['__Host-doorstep-session=other', undefined],
])('of the cookies %j Next sees %j', (sent, kept) => {
  const headers = { host: 'localhost:3000', cookie: sent };
  examineRequest({ url: '/', headers }, '127.0.0.1', new URL('http://localhost:3000'));
  expect(headers.cookie).toBe(kept);
});

describe('a POST', () => {
  const examine = (headers: IncomingHttpHeaders, appUrl = 'http://localhost:3000', method = 'POST') =>
    examineRequest(
      { method, url: '/', headers: { host: 'localhost:3000', ...headers } },
      '127.0.0.1',
      new URL(appUrl),
    );

  test.each([undefined, 'http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000'])(
    'from Origin %s is heard',
    (origin) => {
      expect(examine({ origin })).toEqual({ ok: true });
    },
  );

  test('whose Origin a privacy setting hides is heard when the browser says that it comes from here', () => {
    const headers = { host: 'localhost:3000', origin: 'null', 'sec-fetch-site': 'same-origin' };
    const received = { method: 'POST', url: '/', headers };
    expect(examineRequest(received, '127.0.0.1', new URL('http://localhost:3000'))).toEqual({ ok: true });
    expect(headers.origin).toBe('http://localhost:3000');
    for (const site of [undefined, 'cross-site', 'same-site', 'none']) {
      expect(examine({ origin: 'null', 'sec-fetch-site': site })).toMatchObject({ status: 403 });
    }
  });

  test.each(['localhost:99999', '%.localhost', '<.localhost', 'a b.localhost'])(
    'to Host "%s", which is none, is answered 421',
    (host) => {
      expect(examine({ host, origin: 'http://localhost:3000' })).toMatchObject({ status: 421 });
    },
  );

  test('from the public origin is heard, whatever name the proxy calls the server by', () => {
    const origin = 'https://portal.example.com';
    expect(examine({ origin, host: '10.0.0.7:3000' }, origin)).toEqual({ ok: true });
  });

  test.each([
    'https://elsewhere.example',
    'http://localhost:3001',
    'http://localhost',
    'https://localhost:3000',
    'http://portal.example.com',
    'no origin',
    '',
  ])('from Origin "%s" is answered 403', (origin) => {
    const refused = { ok: false, status: 403, reason: 'foreign_origin' };
    expect(examine({ origin })).toEqual(refused);
    expect(examine({ origin }, 'https://portal.example.com')).toEqual(refused);
    expect(examine({ origin }, undefined, 'GET')).toEqual({ ok: true });
  });

  test('of more than 32 KB is answered 413', () => {
    expect(examine({ 'content-length': '32768' })).toEqual({ ok: true });
    expect(examine({ 'content-length': '32769' })).toMatchObject({ status: 413, reason: 'too_large' });
  });
});

test('a query of more than 100 fields is answered 400, since Next takes seconds for thousands', () => {
  const examine = (fields: number) =>
    examineRequest(
      { method: 'GET', url: `/users/login?${'a&'.repeat(fields - 1)}a`, headers: { host: 'localhost:3000' } },
      '127.0.0.1',
      new URL('http://localhost:3000'),
    );
  expect(examine(100)).toEqual({ ok: true });
  expect(examine(101)).toEqual({ ok: false, status: 400, reason: 'bad_target' });
});

test.each([
  'x',
  '%',
  '%7B',
  '{}',
  '[]',
  '["",{"children":1}]',
  '["",{},null,"elsewhere"]',
  `["",${'{"a":["",'.repeat(3_000)}`,
  '["",{}], ["",{}]',
])('a state of the page that Next cannot read is answered 400, before it is an error: %.30s', (state) => {
  const examine = (headers: Record<string, string>) =>
    examineRequest(
      { method: 'GET', url: '/nowhere', headers: { host: 'localhost:3000', ...headers } },
      '127.0.0.1',
      new URL('http://localhost:3000'),
    );
  expect(examine({ rsc: '1', 'next-router-state-tree': state })).toEqual({
    ok: false,
    status: 400,
    reason: 'bad_state',
  });
  expect(examine({ 'next-router-state-tree': state })).toEqual({ ok: true });
  const read = encodeURIComponent('["",{"children":["users",{"children":["__PAGE__",{}]}]},null,null,16]');
  expect(examine({ rsc: '1', 'next-router-state-tree': read })).toEqual({ ok: true });
  expect(examine({ rsc: '1' })).toEqual({ ok: true });
});

test('more than 150 headers are answered 431, whatever their names', () => {
  const examine = (count: number) => {
    const rawHeaders = Array.from({ length: count }, (_, n) => [`a${n}`, '1']).flat();
    const headers = { host: 'localhost:3000' };
    return examineRequest({ url: '/', headers, rawHeaders }, '127.0.0.1', new URL('http://localhost:3000'));
  };
  expect(examine(150)).toEqual({ ok: true });
  expect(examine(151)).toEqual({ ok: false, status: 431, reason: 'many_headers' });
});

test.each([
  '/_next/static/../../users/login',
  '/_next/static/%2e%2e/%2E%2E/users/login',
  '/_next/static/.%2e/../users/login',
  '/_next/static/x/../../../users/login',
  '/_next/static//..//../users/login',
  '/_next/static/..\\..\\users/login',
  '/_next/static\\..\\..\\users/login',
  '/_next/static/.\t./../users/login',
  '/_next/static/./x.js',
  '/api/ready/../../users/login?x=1',
  '/users/webhook/twilio/..',
  '/users/login/.',
  '/users/login#',
  '/applications/%ED%A0%80',
  '/applications/%FF',
  '/%C3/%A9',
])('a path that would be read as another one, or cannot be read, is answered 400: %j', (url) => {
  const headers = { host: 'localhost:3000' };
  expect(examineRequest({ url, headers }, '::1', new URL('http://localhost:3000'))).toEqual({
    ok: false,
    status: 400,
    reason: 'bad_target',
  });
});

test.each([
  '/',
  '//users//login/',
  '/users/login?next=/a/../b&dots=%2e%2e',
  '/..x/...',
  '/a.b/.well-known/x..y',
  '/%25/%2F/%5C/%2e%2ex/%',
  `/a'b|c[d]e^f\`g{h}"i<j>`,
  '/caf\u00c3\u00a9/%c3%a9/%F0%9F%8F%A0',
  '/:3000/@x;y=1,2/*~!$()',
])('every other path is heard as it is: %s', (url) => {
  const headers = { host: 'localhost:3000' };
  expect(examineRequest({ url, headers }, '::1', new URL('http://localhost:3000'))).toEqual({ ok: true });
});

test('a refusal says why in plain words, and is neither kept nor taken for a page', async () => {
  const web = await serveWeb({ appUrl: new URL('http://localhost:3000'), port: 0, handle: () => undefined });
  const answer = await fetch(`http://127.0.0.1:${web.port}/`, {
    method: 'POST',
    headers: { origin: 'https://elsewhere.example' },
  });
  expect(answer.status).toBe(403);
  expect(await answer.text()).toContain('nothing was done');
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'cache-control': 'no-store',
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'none'`,
  });
  await web.close(0);
});

test('TRACE is answered 405', () => {
  const received = { method: 'TRACE', url: '/', headers: { host: 'localhost' } };
  expect(examineRequest(received, '127.0.0.1', new URL('http://localhost'))).toMatchObject({ status: 405 });
});

describe('on localhost', () => {
  let web: WebServer;
  beforeAll(async () => {
    web = await serveWeb({
      appUrl: new URL('http://localhost:3000'),
      port: 0,
      handle: (received, response) => response.end(JSON.stringify(received.headers)),
    });
  });
  afterAll(() => web.close(0));

  test.each([
    'localhost',
    'localhost:9',
    'app.localhost',
    '127.0.0.1:3000',
    '127.8.8.8',
    '[::1]:3000',
    'LocalHost:80',
  ])('Host %s is answered', async (host) => {
    expect((await ask(web.port, { host })).status).toBe(200);
  });

  test.each([
    'portal.example.com',
    'localhost.example.com',
    '127.0.0.1.example.com',
    '10.0.0.1',
    '[::2]',
    'localhost:x',
  ])('Host "%s" is answered 421', async (host) => {
    expect((await ask(web.port, { host })).status).toBe(421);
  });

  test('an absolute request target cannot take the place of Host', async () => {
    expect((await ask(web.port, { host: 'localhost' }, { path: 'http://portal.example.com/' })).status).toBe(
      400,
    );
  });

  test('the socket address is appended to a forged X-Forwarded-For, and the request is marked', async () => {
    const { body } = await ask(web.port, { host: 'localhost', 'x-forwarded-for': '6.6.6.6' });
    expect(JSON.parse(body)).toMatchObject({
      'x-forwarded-for': '6.6.6.6, 127.0.0.1',
      'x-doorstep-forwarded': '1',
    });
  });

  test('a request without forwarding headers is not marked, even when it says so itself', async () => {
    const headers = JSON.parse(
      (await ask(web.port, { host: 'localhost', 'x-doorstep-forwarded': '1' })).body,
    ) as IncomingHttpHeaders;
    expect(headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(headers).not.toHaveProperty('x-doorstep-forwarded');
  });

  test('the app learns the path and query to the letter, and nobody can write them for it', async () => {
    const path = '/a/?b=c%20d+e%7e';
    const { body } = await ask(web.port, { host: 'localhost', 'x-doorstep-target': '/forged' }, { path });
    expect(JSON.parse(body)).toMatchObject({ 'x-doorstep-target': path });
  });

  test.each([
    'forwarded',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-port',
    'x-forwarded-anything',
  ])('%s marks the request and does not reach the app as sent', async (name) => {
    const { body } = await ask(web.port, { host: 'localhost', [name]: 'forged' });
    expect(body).not.toContain('forged');
    expect(JSON.parse(body)).toMatchObject({ 'x-doorstep-forwarded': '1' });
  });
});

test('on a public address every Host becomes the public one, and the scheme its scheme', () => {
  const received = {
    url: '/',
    headers: { host: '10.0.0.7:3000', 'x-forwarded-proto': 'http' } as IncomingHttpHeaders,
  };
  expect(examineRequest(received, '10.0.0.1', new URL('https://portal.example.com'))).toEqual({ ok: true });
  expect(received.headers).toMatchObject({ host: 'portal.example.com', 'x-forwarded-proto': 'https' });
});

test('a second server on the same port is refused with EADDRINUSE', async () => {
  const options = { appUrl: new URL('http://localhost'), handle: () => undefined };
  const first = await serveWeb({ ...options, port: 0 });
  await expect(serveWeb({ ...options, port: first.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close(0);
});

test('once the end is announced the server is not ready any more, and still answers everything else', async () => {
  const web = await serveWeb({
    appUrl: new URL('http://localhost'),
    port: 0,
    handle: (_, response) => response.end('answered'),
  });
  const askFor = (path: string) => ask(web.port, { host: 'localhost' }, { path });
  expect(await askFor('/api/ready')).toEqual({ status: 200, body: 'answered' });
  web.announceEnd();
  for (const path of ['/api/ready', '/api/ready/', '/api/ready?probe=1']) {
    const { status, body } = await askFor(path);
    expect([status, JSON.parse(body)]).toEqual([503, { status: 'unavailable', reason: 'stopping' }]);
  }
  for (const path of ['/api/health', '/api/readying', '/users/login']) {
    expect(await askFor(path)).toEqual({ status: 200, body: 'answered' });
  }
  await web.close(0);
});

test('closing answers the request in progress and drops idle connections', async () => {
  const arrivals = new EventEmitter();
  const web = await serveWeb({
    appUrl: new URL('http://localhost'),
    port: 0,
    handle: (_, response) => arrivals.emit('request', response),
  });
  const arrived = once(arrivals, 'request') as Promise<[ServerResponse]>;
  const answer = ask(web.port, { host: 'localhost', connection: 'keep-alive' });
  const [response] = await arrived;
  const closed = web.close(10_000);
  response.end('done');
  expect(await answer).toEqual({ status: 200, body: 'done' });
  await closed;
  await expect(ask(web.port, { host: 'localhost' })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('an upgrade is handed on only under a name of this machine, and an open one does not delay closing', async () => {
  const web = await serveWeb({
    appUrl: new URL('http://localhost'),
    port: 0,
    handle: (_, response) => response.end(),
    handleUpgrade: (_, socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\n'),
  });
  const upgrade = (host: string): ClientRequest =>
    request({
      port: web.port,
      host: '127.0.0.1',
      headers: { host, connection: 'Upgrade', upgrade: 'test' },
    }).end();

  await expect(once(upgrade('portal.example.com'), 'upgrade')).rejects.toMatchObject({ code: 'ECONNRESET' });
  const [, socket] = (await once(upgrade('localhost'), 'upgrade')) as [unknown, Socket];
  // Reading on is what lets the end of the connection be noticed.
  socket.resume();
  const ended = once(socket, 'close');
  await web.close(60_000);
  await ended;
});

test('a wish for another protocol is passed over where there is none, and the request answered', async () => {
  const bodies: string[] = [];
  const web = await serveWeb({
    appUrl: new URL('http://localhost'),
    port: 0,
    handle: async (request, response) => {
      bodies.push(`${request.method} ${(await request.toArray()).join('')}`);
      response.end('answered');
    },
  });
  const wishes = { host: 'localhost', connection: 'Upgrade, HTTP2-Settings', 'http2-settings': 'AAMAAABk' };
  for (const upgrade of ['h2c', 'websocket']) {
    expect(await ask(web.port, { ...wishes, upgrade })).toEqual({ status: 200, body: 'answered' });
  }
  const socket = connect(web.port, '127.0.0.1');
  socket.write(
    'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody',
  );
  await once(socket, 'data');
  socket.end();
  expect(bodies).toEqual(['GET ', 'GET ', 'POST body']);
  await web.close(0);
});
