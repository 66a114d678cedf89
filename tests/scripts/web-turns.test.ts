import { once } from 'node:events';
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { serveWeb, type WebServer } from '../../scripts/web/serve';
import { hasPassword, subjectsOf } from '../../scripts/web/subjects';

type Answer = { status: number; headers: IncomingMessage['headers']; body: string };
type Asked = {
  network?: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
};

/** An app that answers a request when it is told to. */
type App = {
  web: WebServer;
  /** Requests it was handed and has not answered, in the order in which they came. */
  inProgress: { request: IncomingMessage; response: ServerResponse }[];
  /** All it was ever handed: `path of network`. */
  handed: string[];
  log: string[];
  ask: (asked?: Asked) => Promise<Answer>;
  /** Waits until this is so. */
  until: (isSo: () => boolean) => Promise<void>;
};

const networkOf = ({ headers }: IncomingMessage) => String(headers['x-forwarded-for']).split(', ')[0]!;
const agent = new Agent({ keepAlive: true });
const opened: WebServer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((web) => web.close(0)));
});

async function openApp(
  handle?: (request: IncomingMessage, response: ServerResponse) => unknown,
  appUrl = 'https://portal.example.com',
  {
    isSigned,
    findKnown,
  }: {
    isSigned?: (request: IncomingMessage) => boolean;
    findKnown?: (request: IncomingMessage) => string | null;
  } = {},
): Promise<App> {
  const inProgress: App['inProgress'] = [];
  const handed: string[] = [];
  const log: string[] = [];
  const web = await serveWeb({
    appUrl: new URL(appUrl),
    port: 0,
    trustedProxyHops: 1,
    log: () => openLog({ level: 'info', write: (line) => log.push(line) }),
    ...(isSigned && { isSigned: (asking) => Promise.resolve(isSigned(asking)) }),
    ...(findKnown && { findKnown }),
    handle: (received, response) => {
      handed.push(`${received.url} of ${networkOf(received)}`);
      if (handle) return handle(received, response);
      const one = { request: received, response };
      inProgress.push(one);
      response.once('close', () => inProgress.splice(inProgress.indexOf(one), 1));
    },
  });
  opened.push(web);
  const ask = ({ network = '198.51.100.1', path = '/', method = 'GET', headers = {}, body }: Asked = {}) =>
    new Promise<Answer>((resolve, reject) => {
      request(
        {
          port: web.port,
          host: '127.0.0.1',
          path,
          method,
          agent,
          headers: { host: new URL(appUrl).host, 'x-forwarded-for': network, ...headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          );
        },
      )
        .on('error', reject)
        .end(body);
    });
  const until = async (isSo: () => boolean) => {
    for (const end = Date.now() + 10_000; !isSo(); await delay(5)) {
      if (Date.now() > end) throw new Error('It never came to be.');
    }
  };
  return { web, inProgress, handed, log, ask, until };
}

/** Sends text as it is. Out: the connection, and what came back so far. */
async function say(port: number, text: string): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.on('error', () => undefined).on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await once(socket, 'connect');
  socket.write(text);
  return { socket, heard: () => heard };
}

const head = (line: string, network: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: portal.example.com', `X-Forwarded-For: ${network}`, ...headers, '', ''].join(
    '\r\n',
  );

async function readAll(received: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of received) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('a body', () => {
  const echo = async (received: IncomingMessage, response: ServerResponse) => {
    response.end(await readAll(received));
  };
  const chunked = { 'transfer-encoding': 'chunked' };

  test.each([
    ['that says its length', {}],
    ['that does not', chunked],
  ])('%s reaches the app to the letter', async (_, headers) => {
    const { ask } = await openApp(echo);
    for (const body of ['', 'a=b', 'é'.repeat(16 * 1024)]) {
      expect(await ask({ method: 'POST', headers, body })).toMatchObject({ status: 200, body });
    }
  });

  test('of more than 32 KB is refused in words whatever it says about its length, and the app never sees it', async () => {
    const { ask, handed } = await openApp(echo);
    for (const headers of [{}, chunked]) {
      for (const bytes of [32 * 1024 + 1, 900_000]) {
        const answer = await ask({ method: 'POST', headers, body: 'x'.repeat(bytes) });
        expect([answer.status, answer.headers.connection]).toEqual([413, 'close']);
        expect(answer.body).toContain('larger than 32 KB');
      }
    }
    expect(handed).toEqual([]);
  });

  test('without end has its connection closed', async () => {
    const { web, handed } = await openApp();
    const { socket, heard } = await say(
      web.port,
      head('POST /', '198.51.100.1', 'Transfer-Encoding: chunked'),
    );
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
    const pour = setInterval(() => socket.write(chunk), 5);
    await closed;
    clearInterval(pour);
    expect(heard()).toMatch(/^HTTP\/1\.1 413 /);
    expect(handed).toEqual([]);
  });

  test('that is slow in coming keeps nobody waiting, not even its own network', async () => {
    const { web, handed, ask, until, inProgress } = await openApp();
    const slow = await Promise.all(
      Array.from({ length: 30 }, () =>
        say(web.port, head('POST /slow', '198.51.100.1', 'Content-Length: 9') + 'a'),
      ),
    );
    const answer = ask({ method: 'POST', path: '/whole', body: 'a=b' });
    await until(() => inProgress.length > 0);
    expect(handed).toEqual(['/whole of 198.51.100.1']);
    inProgress[0]!.response.end();
    expect((await answer).status).toBe(200);
    slow.forEach(({ socket }) => socket.destroy());
  });

  test('that is cut takes no place of the calls that come in full, however many are', async () => {
    let traces = 0;
    const answered: string[] = [];
    const { web, ask } = await openApp(async (received, response) => {
      if (received.url === '/users/webhook/twilio/inbound') {
        answered.push('whole');
        return response.end();
      }
      traces += 1;
      await delay(60_000, undefined, { ref: false });
    });
    for (let n = 0; n < 40; n += 1) {
      const line = head('POST /users/webhook/twilio', `198.51.100.${n}`, 'Content-Length: 99');
      const { socket } = await say(web.port, `${line}AccountSid=`);
      await delay(5);
      socket.destroy();
    }
    const whole = { method: 'POST', path: '/users/webhook/twilio/inbound', body: 'From=1' };
    expect((await ask({ ...whole, network: '203.0.113.9' })).status).toBe(200);
    expect(answered).toEqual(['whole']);
    expect(traces).toBeGreaterThan(0);
    expect(traces).toBeLessThanOrEqual(2);
  });

  test('whose client goes away keeps its place until the app is done with it', async () => {
    const done: (() => void)[] = [];
    let running = 0;
    let most = 0;
    const { web, until } = await openApp(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => done.push(resolve));
      running -= 1;
    });
    for (let n = 0; n < 30; n += 1) {
      const { socket } = await say(web.port, head('GET /dashboard', '198.51.100.1'));
      await delay(10);
      socket.destroy();
    }
    await until(() => done.length > 0);
    await delay(500);
    expect(most).toBeLessThanOrEqual(6);
    done.splice(0).forEach((end) => end());
    await until(() => running === 0);
  });

  test('that is cut never reaches a page, and a webhook meets it as it was', async () => {
    const met: string[] = [];
    const { web, until } = await openApp(async (received) => {
      let sofar = '';
      try {
        for await (const chunk of received) sofar += String(chunk);
      } catch {
        sofar += ' cut';
      }
      met.push(`${received.url} ${sofar}`);
    });
    for (const path of ['/users/login', '/users/webhook/twilio']) {
      const line = head(`POST ${path}`, '198.51.100.1', 'Content-Length: 99');
      const { socket } = await say(web.port, `${line}AccountSid=`);
      await delay(50);
      socket.destroy();
    }
    await until(() => met.length > 0);
    expect(met).toEqual(['/users/webhook/twilio AccountSid= cut']);
  });

  test('that is too long for a webhook is left to the webhook to refuse, as much of it as it wants to see', async () => {
    let bytes = 0;
    const { ask } = await openApp(async (received, response) => {
      bytes = (await readAll(received)).length;
      response.writeHead(413).end();
    });
    const path = '/users/webhook/twilio/inbound';
    const answer = await ask({ method: 'POST', path, headers: chunked, body: 'x'.repeat(500_000) });
    expect(answer.status).toBe(413);
    expect(bytes).toBeGreaterThan(16 * 1024);
    expect(bytes).toBeLessThan(128 * 1024);
  });
});

describe('while a number is held', () => {
  const inbound = '/users/webhook/twilio/inbound';
  const text = (from: string, sid: number) => ({
    path: inbound,
    method: 'POST',
    network: '54.172.60.1',
    body: `MessageSid=SM${sid}&From=%2B1${from}&To=%2B15005550006&Body=STOP`,
  });

  test('one text of it is in progress, and texts of others go through', async () => {
    const { ask, inProgress, handed, until } = await openApp();
    const answers = Array.from({ length: 12 }, (_, n) => ask(text('2125550100', n)));
    await until(() => inProgress.length === 1);
    const others = Array.from({ length: 3 }, (_, n) => ask(text(`212555020${n}`, n)));
    await until(() => inProgress.length === 4);
    await delay(50);
    expect(handed).toHaveLength(4);
    inProgress.slice(1).forEach(({ response }) => response.end());
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200, 200]);
    for (let n = 0; n < 12; n += 1) {
      await until(() => inProgress.length === 1);
      inProgress[0]!.response.end();
      await until(() => inProgress.length === 0 || handed.length > 4 + n);
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(12).fill(200));
  });

  test('more than twenty that wait are refused with 503, so that Twilio hands them over again', async () => {
    const { ask, inProgress, until } = await openApp();
    const answers = Array.from({ length: 25 }, (_, n) => ask(text('2125550100', n)));
    const refused = await Promise.all(answers.slice(21));
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    await until(() => inProgress.length === 1);
    inProgress[0]!.response.destroy();
    void Promise.allSettled(answers);
  });

  test('calls that nobody signed keep none of it waiting, however many networks send them', async () => {
    const { ask, inProgress, handed, until } = await openApp(undefined, undefined, {
      isSigned: ({ headers }) => headers['x-twilio-signature'] === 'good',
    });
    const forged = Array.from({ length: 60 }, (_, n) =>
      ask({ ...text('2125550100', n), network: `203.0.113.${n}` }),
    );
    void Promise.allSettled(forged);
    await until(() => inProgress.length > 0);
    const signed = ask({ ...text('2125550100', 99), headers: { 'x-twilio-signature': 'good' } });
    await until(() => handed.includes(`${inbound} of 54.172.60.1`));
    expect(handed.length).toBeLessThan(6);
    inProgress.find(({ request: { headers } }) => headers['x-twilio-signature'] === 'good')!.response.end();
    expect((await signed).status).toBe(200);
  });

  test('calls without a body take no place of those that are signed', async () => {
    const { ask, inProgress, handed, until } = await openApp();
    const empty = Array.from({ length: 30 }, (_, n) =>
      ask({ path: inbound, method: 'POST', network: `203.0.113.${n}` }),
    );
    void Promise.allSettled(empty);
    await until(() => inProgress.length > 0);
    const signed = ask(text('2125550100', 1));
    await until(() => handed.includes(`${inbound} of 54.172.60.1`));
    expect(handed.length).toBeLessThan(6);
    inProgress.at(-1)!.response.end();
    expect((await signed).status).toBe(200);
  });

  test('two reports about texts to it never wait for each other in places of their own', async () => {
    const { ask, inProgress, handed, until } = await openApp();
    const report = (n: number) => ({
      ...text('', n),
      path: '/users/webhook/twilio',
      body: `MessageSid=SM${n}&To=%2B12125550100&From=%2B15005550006&MessageStatus=sent`,
    });
    void Promise.allSettled([1, 2].map((n) => ask(report(n))));
    await until(() => inProgress.length > 0);
    await delay(50);
    expect(handed).toHaveLength(1);
    inProgress[0]!.response.end();
    await until(() => handed.length === 2);
    inProgress[0]!.response.end();
  });

  test.each([
    [
      'phone',
      (n: number) => [`p${n}@example.org`, ['+1 (212) 555-0100', '2125550100', '1-212-555-0100'][n % 3]!],
    ],
    ['email', (n: number) => [[`pat@example.org`, 'PAT@example.org'][n % 2]!, `21255501${10 + n}`]],
  ])(
    'two registrations of the same %s are in progress, however many networks ask, and others go on',
    async (_, fields) => {
      const { ask, inProgress, until } = await openApp();
      const form = ([email, phone]: string[], network: string): Asked => ({
        path: '/users/register/applicant',
        method: 'POST',
        network,
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
        body: [
          `--x\r\ncontent-disposition: form-data; name="_1_email"\r\n\r\n${email}\r\n`,
          `--x\r\nContent-Disposition: form-data; name="1_phone"\r\n\r\n${phone}\r\n--x--\r\n`,
        ].join(''),
      });
      void Promise.allSettled(
        Array.from({ length: 9 }, (_unused, n) => ask(form(fields(n), `198.51.100.${n}`))),
      );
      await until(() => inProgress.length === 2);
      const other = ask(form(['other@example.org', '3125550199'], '203.0.113.9'));
      await until(() => inProgress.length === 3);
      inProgress[2]!.response.end();
      expect((await other).status).toBe(200);
      expect(inProgress).toHaveLength(2);
      inProgress.slice().forEach(({ response }) => response.destroy());
    },
  );
});

describe('while many passwords are being hashed', () => {
  const formOf = (type: string | undefined) => ({
    ...{ method: 'POST', url: '/users/register/applicant' },
    headers: type === undefined ? {} : { 'content-type': type },
  });
  const form = (name: string, value: string) => ({
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n--x--\r\n`,
  });

  test.each(['password', '1_password', '_1_currentPassword', 'newPassword'])(
    'typed into %s, at whatever address, no other form waits for them',
    async (field) => {
      const { ask, inProgress, handed, until } = await openApp();
      const crowd = Array.from({ length: 80 }, (_, n) =>
        ask({ ...form(field, 'kestrel-7'), path: `/users/${n}`, network: `198.51.100.${n}` }),
      );
      void Promise.allSettled(crowd);
      await until(() => inProgress.length >= 4);
      const code = ask({ ...form('code', '123456'), path: '/users/verify-phone', network: '203.0.113.9' });
      const isHanded = () => handed.includes('/users/verify-phone of 203.0.113.9');
      await Promise.race([until(isHanded), delay(2_000)]);
      expect(isHanded()).toBe(true);
      inProgress.find(({ request: { url } }) => url === '/users/verify-phone')!.response.end();
      expect((await code).status).toBe(200);
      expect(inProgress.length).toBeLessThanOrEqual(10);
      inProgress.slice().forEach(({ response }) => response.destroy());
    },
  );

  test('who comes with a known browser waits for no stranger, and an account takes one of their places', async () => {
    const findKnown = ({ headers }: IncomingMessage) => headers.cookie ?? null;
    const { ask, inProgress, handed, until } = await openApp(undefined, undefined, { findKnown });
    const cookieOf = (account: string) => ({ cookie: `__Host-doorstep-known-browser=${account}` });
    const signIn = (network: string, headers: Record<string, string> = {}) => {
      const { headers: own, ...rest } = form('password', 'kestrel-7');
      return ask({ ...rest, path: '/users/login', network, headers: { ...own, ...headers } });
    };
    // Each request from a network of its own, as a holder of many can send them.
    const crowd = Array.from({ length: 80 }, (_, n) => signIn(`198.51.100.${n}`));
    // One with an account of their own, from many networks.
    const one = Array.from({ length: 20 }, (_, n) => signIn(`192.0.2.${n}`, { ...cookieOf('a') }));
    void Promise.allSettled([...crowd, ...one]);
    await until(() => inProgress.length >= 5);
    const known = signIn('203.0.113.9', { ...cookieOf('b') });
    const isHanded = () => handed.includes('/users/login of 203.0.113.9');
    await Promise.race([until(isHanded), delay(2_000)]);
    expect(isHanded()).toBe(true);
    expect(inProgress.filter(({ request: { headers } }) => headers.cookie?.endsWith('=a'))).toHaveLength(1);
    inProgress.find(({ request: received }) => networkOf(received) === '203.0.113.9')!.response.end();
    expect((await known).status).toBe(200);
    inProgress.slice().forEach(({ response }) => response.destroy());
  });

  test.each([
    [
      'a part with more headers',
      '--x\r\nContent-Disposition: form-data; name="password"\r\nContent-Type: text/plain\r\n\r\nkestrel-7',
    ],
    ['a name without quotes', '--x\r\nContent-Disposition: form-data; name=_1_password\r\n\r\nkestrel-7'],
    [
      'a name before another parameter',
      '--x\r\ncontent-disposition: form-data; name="password"; x=y\r\n\r\nkestrel-7',
    ],
    [
      'a second name in another header',
      '--x\r\nX-Name: a; name="code"\r\nContent-Disposition: form-data; name="password"\r\n\r\nkestrel-7',
    ],
    [
      'a password that begins with a line break',
      '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n\r\nkestrel-7',
    ],
    [
      'a prefix that React lets a browser choose',
      '--x\r\nContent-Disposition: form-data; name="zz_password"\r\n\r\nkestrel-7',
    ],
  ])('however it is sent: %s', (_, body) => {
    const request = formOf('multipart/form-data; boundary=x');
    expect(hasPassword(request, Buffer.from(body))).toBe(true);
    expect(hasPassword(request, Buffer.from(body.replaceAll('assword', 'hone')))).toBe(false);
  });

  test.each([
    'multipart/form-data; boundary="x\\0"',
    'multipart/form-data; boundary="x',
    'multipart/form-data; x="\\"; xboundary="; boundary=x; y="z"',
    'multipart/form-data; charset=utf-8; boundary=x',
  ])('sent as %s, which no browser says, it may be anything', (type) => {
    const body = Buffer.from('--x\r\nContent-Disposition: form-data; name="code"\r\n\r\n1\r\n--x--');
    expect(hasPassword(formOf(type), body)).toBe(true);
    expect(subjectsOf(formOf(type), body)).toEqual(['unclear']);
  });

  test('and what it is about is told however it is named and spelled', () => {
    const type = 'multipart/form-data; boundary=x';
    const part = (name: string, value: string) =>
      `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const about = (...parts: string[]) => subjectsOf(formOf(type), Buffer.from(`${parts.join('')}--x--`));
    for (const email of ['A@B.example', ' '.repeat(2_000) + 'a@b.example ']) {
      expect(about(part('email', email))).toEqual(['a@b.example']);
      expect(about(part('\ufeffemail', email))).toEqual(['a@b.example']);
    }
    expect(about(part('1_phone', '\uff14\uff11\uff15 555 0123'))).toEqual(['4155550123']);
    expect(about(...Array.from({ length: 5 }, (_, n) => part(`x${n}_email`, `${n}@b.example`)))).toEqual([
      'unclear',
    ]);
    expect(hasPassword(formOf(type), Buffer.from(part('\ufeffpassword', 'x')))).toBe(true);
  });

  test('sent in a form that is encoded, or whose parts cannot be told apart', () => {
    const encoded = Buffer.from('email=a%40b.c&pass%77ord=kestrel-7');
    expect(hasPassword(formOf('application/x-www-form-urlencoded'), encoded)).toBe(true);
    expect(hasPassword(formOf(undefined), Buffer.from('email=a%40b.c&password='))).toBe(false);
    for (const type of ['multipart/form-data', 'multipart/form-data; boundary=x; boundary=y']) {
      expect(hasPassword(formOf(type), Buffer.from('--x'))).toBe(true);
    }
  });

  // A reading that went over the same bytes again for each name would take an hour.
  test.each([
    ['names without an end', 'name=password\r\n'],
    ['lines in a part', `a\r\n`],
    ['names with one quote', 'name="'],
    ['ends of heads', '\r\n\r\n'],
    ['beginnings of parts', '\r\n--x'],
    ['spaces after a name', `name${' '.repeat(50)}`],
    ['pairs', 'password&'],
  ])('is looked for in one pass, also in a body of many %s', (_, piece) => {
    const part = '--x\r\nContent-Disposition: form-data; name="a"';
    const body = Buffer.from(part + piece.repeat(4_000_000 / piece.length));
    for (const type of ['multipart/form-data; boundary=x', 'application/x-www-form-urlencoded']) {
      expect(hasPassword(formOf(type), body)).toBe(false);
      expect(subjectsOf(formOf(type), body)).toEqual([]);
    }
  });

  test('a form whose password is empty is a form like any other', async () => {
    const { ask, inProgress, until } = await openApp();
    const asked = [form('password', ''), form('code', '1')].flatMap((each, kind) =>
      Array.from({ length: 12 }, (_, n) => ask({ ...each, network: `198.51.${kind}.${n}` })),
    );
    void Promise.allSettled(asked);
    await until(() => inProgress.length >= 4);
    await delay(1_500);
    expect(inProgress.length).toBeLessThanOrEqual(10);
    inProgress.slice().forEach(({ response }) => response.destroy());
  });
});

describe('requests that one connection sends without waiting for answers', () => {
  test('are never answered at the same time: one waits for the other', async () => {
    const { web, inProgress, handed, until } = await openApp();
    const { heard } = await say(
      web.port,
      head('GET /first', '198.51.100.1') + head('GET /second', '198.51.100.1'),
    );
    await until(() => inProgress.length > 0);
    await delay(50);
    expect(handed).toEqual(['/first of 198.51.100.1']);
    inProgress[0]!.response.end('one');
    await until(() => handed.length === 2);
    inProgress[0]!.response.end('two');
    await until(() => heard().includes('two'));
    expect(heard().match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  test('and are more than two, close it, and leave nothing in progress', async () => {
    const { web, handed, inProgress, log } = await openApp();
    const { socket } = await say(web.port, head('GET /', '198.51.100.1').repeat(500));
    await once(socket, 'close');
    await delay(50);
    expect(handed.length).toBeLessThanOrEqual(1);
    expect(inProgress).toEqual([]);
    await web.close(0);
    expect(log.join()).toMatch(/ warn requests_refused pipelined=1 networks=1$/);
  });
});

describe('a flood from one network', () => {
  const flood = async (app: App, count: number, asked: Asked = {}) => {
    const answers = Array.from({ length: count }, () => app.ask({ network: '203.0.113.5', ...asked }));
    answers.forEach((answer) => answer.catch(() => undefined));
    await app.until(() => app.inProgress.length >= 2);
    await delay(100);
    return answers;
  };

  test.each([
    ['pages', {}],
    ['forms', { method: 'POST', body: 'a=b' }],
  ])('of %s has another network wait for six of it at most', async (_, asked) => {
    const app = await openApp();
    await flood(app, 60, asked);
    const other = app.ask({ network: '198.51.100.7', path: '/other', ...asked });
    await app.until(() => app.handed.includes('/other of 198.51.100.7'));
    expect(app.handed.indexOf('/other of 198.51.100.7')).toBeLessThanOrEqual(6);
    app.inProgress.find(({ request: { url } }) => url === '/other')!.response.end('done');
    expect((await other).body).toBe('done');
  });

  test('whatever addresses of its own it calls from: an IPv6 network of 65,536 lines is one', async () => {
    const app = await openApp();
    const addresses = Array.from({ length: 60 }, (_, index) => `2001:db8:77:${index.toString(16)}::1`);
    addresses.forEach((network) => void app.ask({ network }).catch(() => undefined));
    await app.until(() => app.inProgress.length >= 2);
    await delay(100);
    expect(app.inProgress.length).toBeLessThanOrEqual(6);
  });

  test('does not keep the server from being asked whether it is well', async () => {
    const app = await openApp();
    await flood(app, 60);
    for (const path of ['/api/health', '/api/ready']) {
      const answer = app.ask({ network: '203.0.113.5', path });
      await app.until(() => app.handed.includes(`${path} of 203.0.113.5`));
      app.inProgress.find(({ request: { url } }) => url === path)!.response.end();
      expect((await answer).status).toBe(200);
    }
  });

  test('is refused beyond a hundred that wait, in words, with a moment to come back, and is told in one line', async () => {
    const app = await openApp();
    await flood(app, 106);
    const answer = await app.ask({ network: '203.0.113.5' });
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('Try again in ten seconds');
    expect(answer.headers).toMatchObject({
      'retry-after': '10',
      'cache-control': 'no-store',
      'content-type': 'text/plain; charset=utf-8',
      connection: 'keep-alive',
    });
    await app.web.close(0);
    expect(app.log).toHaveLength(1);
    expect(app.log[0]).toMatch(/ warn requests_refused crowded=\d+ networks=1$/);
  });

  test('that has gone costs nothing: what waited is never handed on', async () => {
    const app = await openApp();
    const sockets = await Promise.all(
      Array.from({ length: 40 }, () => say(app.web.port, head('GET /', '203.0.113.5'))),
    );
    await app.until(() => app.inProgress.length >= 2);
    await delay(100);
    sockets.forEach(({ socket }) => socket.destroy());
    await app.until(() => app.inProgress.length === 0);
    await delay(100);
    expect(app.handed.length).toBeLessThanOrEqual(6);
  });

  test('that reads no answer gives its places back', async () => {
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    const app = await openApp(async (received, response) => {
      if (received.url === '/last') return response.end('read');
      while (!response.destroyed)
        if (!response.write(megabyte)) await once(response, 'drain').catch(() => undefined);
    });
    const line = head('GET /export', '203.0.113.5');
    const sockets = await Promise.all(Array.from({ length: 12 }, () => say(app.web.port, line)));
    sockets.forEach(({ socket }) => socket.pause());
    await app.until(() => app.handed.length >= 2);
    expect((await app.ask({ network: '203.0.113.5', path: '/last' })).body).toBe('read');
    sockets.forEach(({ socket }) => socket.destroy());
  });
});

test('open pages of many networks that ask how a text is doing keep no page waiting', async () => {
  const app = await openApp();
  for (let index = 0; index < 200; index += 1) {
    const asked = { network: `10.1.${index}.1`, path: '/users/verify-phone/status' };
    void app.ask(asked).catch(() => undefined);
  }
  await app.until(() => app.inProgress.length >= 2);
  await delay(100);
  expect(app.inProgress.length).toBeLessThanOrEqual(6);
  const page = app.ask({ network: '198.51.100.7', path: '/users/verify-phone' });
  await app.until(() => app.handed.includes('/users/verify-phone of 198.51.100.7'));
  app.inProgress.find(({ request: { url } }) => url === '/users/verify-phone')!.response.end('done');
  expect((await page).body).toBe('done');
});

test('on localhost, where everyone is one network, it may have all the places that there are', async () => {
  const app = await openApp(undefined, 'http://localhost:3000');
  Array.from({ length: 60 }, () => void app.ask().catch(() => undefined));
  await app.until(() => app.inProgress.length >= 6);
});

describe('what the app sends to itself while it answers', () => {
  /** As Next does: with the visitor's headers, and not their length. */
  const forward = (web: WebServer, received: IncomingMessage, method: string) =>
    fetch(`http://127.0.0.1:${web.port}/inner`, {
      method,
      headers: Object.fromEntries(
        Object.entries(received.headers)
          .filter(([name]) => !['host', 'connection', 'content-length'].includes(name))
          .map(([name, value]) => [name, String(value)]),
      ),
      ...(method === 'POST' ? { body: 'inner' } : {}),
    }).then((answer) => answer.text());

  test.each(['GET', 'POST'])(
    'by %s waits for no place, and comes from where the visitor is',
    async (method) => {
      const inner: string[] = [];
      const app: App = await openApp(async (received, response) => {
        if (received.url === '/inner') {
          inner.push(String(received.headers['x-forwarded-for']));
          return response.end('inner');
        }
        return response.end(await forward(app.web, received, method));
      });
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => app.ask({ method: 'POST', body: 'a=b', network: '203.0.113.5' })),
      );
      expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(Array(20).fill('200 inner'));
      expect(inner).toHaveLength(20);
      for (const chain of inner) expect(chain).toMatch(/^203\.0\.113\.5, (?:::ffff:)?127\.0\.0\.1$/);
    },
  );

  test('cannot be pretended from outside', async () => {
    const app = await openApp();
    const headers = { 'x-doorstep-inner': 'x' };
    Array.from({ length: 60 }, () => void app.ask({ headers }).catch(() => undefined));
    await app.until(() => app.inProgress.length >= 2);
    await delay(100);
    expect(app.inProgress.length).toBeLessThanOrEqual(6);
    expect(app.inProgress.map(({ request: { headers: got } }) => got['x-doorstep-inner'])).not.toContain('x');
  });
});
