import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isBreachedPassword } from '@/lib/accounts/breached-passwords';
import { acceptInvitation } from '@/lib/auth/admin/accept-invitation';
import { requestRecoveryCode, resetByText } from '@/lib/auth/recovery/reset-by-text';
import { requestReset, resetPassword } from '@/lib/auth/recovery/reset-password';
import { register } from '@/lib/auth/registration/register';
import { changePassword } from '@/lib/auth/settings/change-password';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { refuseBreachedPassword } from '@/scripts/commands/read-password';
import { useDatabase } from '@/tests/support/database';
import { readToken } from '@/tests/support/mails';
import { contextAt, newEmail, noon } from '@/tests/support/people';
import { giveSettledPerson, password as oldPassword } from '@/tests/support/settled-person';
import { withSettings } from '@/tests/support/settings';

const database = useDatabase();

const leaked = 'violet otter cactus';
const hash = createHash('sha1').update(leaked).digest('hex').toUpperCase();
const [prefix, rest] = [hash.slice(0, 5), hash.slice(5)];
const other = '0'.repeat(34);

let answer: RequestListener;
let asked: IncomingMessage[];
let service: string;
const server = createServer((request, response) => {
  asked.push(request);
  // No connection of one test is left to another.
  response.setHeader('connection', 'close');
  void answer(request, response);
});

const lines = (...all: string[]) => all.join('\r\n');
const says =
  (body: string, status = 200) =>
  (_request: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
const known = () => says(lines(`${other}1:3`, `${rest}:17`, `${other}2:0`));

let logged: string[];

beforeEach(async () => {
  asked = [];
  answer = known();
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  service = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range`;
  // The first request of a process takes longer than anyone waits.
  await vi.waitFor(async () => expect(await isBreachedPassword(leaked, service)).toBe(true), 5_000);
  asked = [];
  logged = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => {
    logged.push(String(line));
    return true;
  });
});

afterEach(() => vi.restoreAllMocks());

afterAll(() => server.close());

describe('a service that answers ranges', () => {
  test('is told five digits of the hash and nothing else, and asked for a padded answer', async () => {
    expect(await isBreachedPassword(leaked, service)).toBe(true);
    expect(asked).toHaveLength(1);
    const { method, url, headers } = asked[0]!;
    expect([method, url, headers['add-padding']]).toEqual(['GET', `/range/${prefix}`, 'true']);
    expect(JSON.stringify(headers)).not.toMatch(/[0-9a-f]{35}|otter/i);
    expect(logged).toEqual([]);
  });

  test.each([
    ['does not list it', lines(`${other}1:3`, `${other}2:9`), false],
    ['lists it as padding', lines(`${rest}:0`, `${other}1:3`), false],
    ['lists it in small letters and with plain line ends', `${other}1:3\n${rest.toLowerCase()}:1\n`, true],
    [
      'lists a thousand others first',
      lines(...Array.from({ length: 1000 }, (_, n) => `${String(n).padStart(35, '0')}:0`), `${rest}:2`),
      true,
    ],
  ])('that %s decides', async (_what, body, expected) => {
    answer = says(body);
    expect(await isBreachedPassword(leaked, service)).toBe(expected);
    expect(logged).toEqual([]);
  });

  test('the same letters composed in another way are the same password', async () => {
    const composed = 'caf\u00e9 otter cactus';
    const { 0: p, 1: r } = ((h) => [h.slice(0, 5), h.slice(5)] as const)(
      createHash('sha1').update(composed).digest('hex').toUpperCase(),
    );
    answer = says(`${r}:1`);
    expect(await isBreachedPassword(composed.normalize('NFD'), service)).toBe(true);
    expect(asked[0]!.url).toBe(`/range/${p}`);
  });
});

describe('a service that fails keeps nobody from a password', () => {
  const hang: RequestListener = () => undefined;
  const drip: RequestListener = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(`${other}1:3\r\n`), 50);
    response.on('close', () => clearInterval(timer));
  };
  const flood: RequestListener = (_request, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(`${rest}:1\r\n`.repeat(1000)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  const lead: RequestListener = (request, response) =>
    void response
      .writeHead(302, { location: request.url === '/elsewhere' ? '/nowhere' : '/elsewhere' })
      .end(`${rest}:1`);
  const cut: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write(`${rest}:1\r\n`);
    setTimeout(() => response.destroy(), 20);
  };

  test.each([
    ['never answers', hang],
    ['answers a line now and then', drip],
    ['never ends', flood],
    ['leads elsewhere', lead],
    ['breaks off', cut],
    ['is broken', says(`${rest}:1`, 500)],
    ['refuses', says(`${rest}:1`, 429)],
    ['answers a page', says('<html>hello</html>')],
    ['answers nothing', says('')],
  ])('%s', async (_what, listener) => {
    answer = listener;
    const startedMs = performance.now();
    expect(await isBreachedPassword(leaked, service)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(asked.map(({ url }) => url)).toEqual([`/range/${prefix}`]);
    // Told once, until it answers again, and without anything of what was asked.
    await isBreachedPassword(leaked, service);
    answer = known();
    expect(await isBreachedPassword(leaked, service)).toBe(true);
    expect(logged.map((line) => line.split(/\s/)[2])).toEqual([
      'breached_passwords_failing',
      'breached_passwords_answer_again',
    ]);
    expect(logged.join('')).not.toMatch(new RegExp(`otter|${prefix}|${rest}`, 'i'));
  });

  test('is not there at all', async () => {
    expect(await isBreachedPassword(leaked, 'http://127.0.0.1:9/range')).toBe(false);
    expect(await isBreachedPassword(leaked, null)).toBe(false);
  });
});

test('wherever a password is chosen, a leaked one is refused', async () => {
  const at = (seconds: number) => contextAt(new Date(noon.getTime() + seconds * 1000));
  const person = await giveSettledPerson(database.db, { now: noon });
  const admin = await giveSettledPerson(database.db, { role: 'admin', now: noon });
  const refused = { ok: false, why: 'breached' };
  await withSettings({ breachedPasswordsUrl: service }, async () => {
    const input = {
      name: 'Test Person',
      phone: null,
      smsOptIn: false,
      verifyPhone: false,
      tcpaConsent: false,
      timeZone: null,
    };
    expect(
      await register(database.db, { ...input, email: newEmail(), password: leaked }, at(1)),
    ).toMatchObject(refused);
    expect(
      await changePassword(database.db, person, { currentPassword: oldPassword, newPassword: leaked }, at(2)),
    ).toMatchObject(refused);

    await requestReset(database.db, person.email, at(3));
    const token = await readToken(database.db, person.email);
    expect(await resetPassword(database.db, { token, newPassword: leaked }, at(4))).toMatchObject(refused);

    const asking = await requestRecoveryCode(database.db, { email: person.email, token: null }, at(5));
    if (!asking.ok) throw new Error('Refused');
    const byText = { token: asking.token, code: '123456', newPassword: leaked };
    expect(await resetByText(database.db, byText, at(6))).toMatchObject(refused);

    const email = newEmail();
    const details = { role: 'applicant', name: 'Test Person', reason: 'test', invitedBy: admin.userId };
    const invitation = {
      purpose: 'invite',
      template: 'invitation',
      userId: null,
      email,
      details,
      now: noon,
    } as const;
    await enqueueLinkMail(database.db, invitation);
    const invited = {
      token: await readToken(database.db, email),
      name: 'Test Person',
      password: leaked,
      timeZone: null,
    };
    expect(await acceptInvitation(database.db, invited, at(7))).toMatchObject(refused);
  });
  expect(asked).toHaveLength(5);
  await withSettings({ breachedPasswordsUrl: service }, () =>
    expect(refuseBreachedPassword(leaked)).rejects.toThrow('leaked from another site'),
  );
});
