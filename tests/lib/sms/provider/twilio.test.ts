import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFakeProvider } from '../../../support/fake-provider';
import {
  startFakeTwilio,
  type FakeFault,
  type FakeList,
  type FakeTwilio,
} from '../../../support/fake-twilio';
import { accountSid, authToken, fromPhone } from '../../../support/texts';

let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
});
afterEach(() => fake.stop());

const text = {
  to: '+12125550100',
  body: '123456 is your code',
  purpose: 'verification' as const,
  messageId: 'c0ffee00-0000-4000-8000-000000000000',
  validitySeconds: 300,
  riskCheck: true,
};

const open = (overrides: Parameters<typeof openFakeProvider>[1] = {}) => openFakeProvider(fake, overrides);

describe('sendText', () => {
  test('sends from the number, with all that the text calls for', async () => {
    expect(await open().sendText(text)).toEqual({
      outcome: 'accepted',
      sid: fake.texts[0]!.sid,
      status: 'queued',
      segments: 1,
    });
    expect(fake.texts[0]).toMatchObject({
      to: text.to,
      body: text.body,
      from: fromPhone,
      messagingServiceSid: null,
      validityPeriod: 300,
      riskCheck: 'enable',
      statusCallback: `http://localhost:3000/users/webhook/twilio?message=${text.messageId}`,
    });
  });

  test('sends by a messaging service, which has not counted segments yet', async () => {
    const provider = open({ sender: { messagingServiceSid: 'MG1' } });
    expect(provider.sender).toBe('MG1');
    expect(await provider.sendText({ ...text, validitySeconds: null, riskCheck: false })).toMatchObject({
      outcome: 'accepted',
      status: 'accepted',
      segments: null,
    });
    expect(fake.texts[0]).toMatchObject({
      from: null,
      messagingServiceSid: 'MG1',
      validityPeriod: null,
      riskCheck: null,
    });
  });

  test.each<[string, FakeFault, object]>([
    [
      'a refusal with its code',
      { kind: 'refuse', httpStatus: 400, code: 21211 },
      { outcome: 'refused', code: 21211, httpStatus: 400, retryAfterSeconds: null },
    ],
    [
      'too many requests with the pause asked for',
      { kind: 'refuse', httpStatus: 429, code: 20429, headers: { 'retry-after': '3' } },
      { outcome: 'refused', code: 20429, httpStatus: 429, retryAfterSeconds: 3 },
    ],
    [
      'a refusal with a code that is none',
      { kind: 'refuse', httpStatus: 400, code: 99_999_999_999 },
      { outcome: 'refused', code: null, httpStatus: 400, retryAfterSeconds: null },
    ],
    [
      'an accepted text of more segments than a text has',
      { kind: 'accept_after', before: async (accepted) => void (accepted.numSegments = '99999999999') },
      { outcome: 'accepted', sid: expect.any(String), status: 'queued', segments: null },
    ],
    [
      'an answer of more than 1 MB',
      { kind: 'accept_after', before: async (accepted) => void (accepted.body = 'x'.repeat(1_000_001)) },
      { outcome: 'unknown', fault: 'ERR_BAD_RESPONSE' },
    ],
    [
      'a server error',
      { kind: 'refuse', httpStatus: 500, code: 20500 },
      { outcome: 'unknown', fault: 'http_500' },
    ],
    ['a cut connection', { kind: 'reset' }, { outcome: 'unknown', fault: 'ECONNRESET' }],
    [
      'an accepted text without an answer',
      { kind: 'accept_and_reset' },
      { outcome: 'unknown', fault: 'ECONNRESET' },
    ],
  ])('%s becomes a value of our own', async (_, fault, outcome) => {
    fake.onCreate = () => fault;
    expect(await open().sendText(text)).toEqual(outcome);
    expect(fake.requests).toHaveLength(1);
  });

  test.each<[unknown]>([
    ...[[12345678], [{ a: 1 }], [['SM1']], ['x'.repeat(20_000)], ['SM\0'], ['SM\ud800'], ['S'], [''], [null]],
  ] as [unknown][])(
    'an answer whose SID is none (%#) is one without a SID, and is not found later',
    async (sid) => {
      fake.onCreate = () => ({
        kind: 'accept_after',
        before: async (accepted) => void Object.assign(accepted, { sid }),
      });
      const since = new Date(Date.now() - 60_000);
      expect(await open().sendText(text)).toEqual({ outcome: 'unknown', fault: 'answer_without_sid' });
      expect(await open().findTexts({ to: text.to, since })).toEqual({ ok: true, texts: [] });
      const until = new Date(Date.now() + 60_000);
      const list = { direction: 'out', since, until, pageSize: 50, page: null } as const;
      expect(await open().listTexts(list)).toMatchObject({ ok: true, texts: [] });
    },
  );

  test.each<[unknown]>([[1], [{}], ['que\0ued'], ['x'.repeat(500_000)], ['\ud800'], [null]])(
    'a status that is no word (%#) is not known yet',
    async (status) => {
      fake.onCreate = () => ({
        kind: 'accept_after',
        before: async (accepted) => void Object.assign(accepted, { status }),
      });
      expect(await open().sendText(text)).toMatchObject({ outcome: 'accepted', status: null });
    },
  );

  test('an answer that does not come is given up within seconds, and what is said of it holds no secret', async () => {
    fake.onCreate = () => ({ kind: 'hang' });
    const startedMs = performance.now();
    const outcome = await open().sendText(text);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(outcome.outcome).toBe('unknown');
    expect(JSON.stringify(outcome)).toMatch(/^\{"outcome":"unknown","fault":"[A-Z_]+"\}$/);
  });

  test('wrong credentials are refused as such', async () => {
    expect(await open({ authTokens: ['wrong', authToken] }).sendText(text)).toMatchObject({
      outcome: 'refused',
      code: 20003,
    });
  });

  test('a refused connection was certainly not sent', async () => {
    const port = new URL(fake.url).port;
    await fake.stop();
    expect(await open({ apiBaseUrl: `http://127.0.0.1:${port}` }).sendText(text)).toEqual({
      outcome: 'unreachable',
      fault: 'ECONNREFUSED',
    });
    fake = await startFakeTwilio({ accountSid, authToken });
  });

  describe('towards a server that accepts connections and says nothing', () => {
    let mute: Server;
    const sockets = new Set<Socket>();
    beforeEach(async () => {
      mute = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
      await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    });
    afterEach(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => mute.close(resolve));
    });

    test('a secure connection that is not made in time was certainly not sent', async () => {
      const { port } = mute.address() as AddressInfo;
      const startedMs = performance.now();
      expect(await open({ apiBaseUrl: `https://127.0.0.1:${port}` }).sendText(text)).toEqual({
        outcome: 'unreachable',
        fault: 'ECONNECTTIMEOUT',
      });
      expect(performance.now() - startedMs).toBeLessThan(4_000);
    });
  });
});

describe('status callbacks', () => {
  test.each([
    ['a public address', true, null, 300_000],
    ['another API server', false, 'http://127.0.0.1:1', 300_000],
    ['localhost and the real Twilio, which cannot reach us', false, null, 3_000],
  ])('with %s, texts are asked about after %s %s %i ms', (_, isPublic, apiBaseUrl, firstCheckAfterMs) => {
    expect(open({ isPublic, apiBaseUrl })).toMatchObject({ firstCheckAfterMs });
  });
});

describe('asking', () => {
  test('lists a number’s texts since a moment, oldest first, and nobody else’s', async () => {
    const provider = open();
    await provider.sendText({ ...text, body: 'old' });
    await provider.sendText({ ...text, to: '+12125550101', body: 'other' });
    await provider.sendText({ ...text, body: 'first' });
    await provider.sendText({ ...text, body: 'second' });
    const minute = 60_000;
    fake.texts.forEach((each, index) => (each.createdAt = new Date(Date.UTC(2026, 0, 1) + index * minute)));
    const since = new Date(Date.UTC(2026, 0, 1) + minute);
    const found = await provider.findTexts({ to: text.to, since });
    expect(found.ok && found.texts.map(({ body }) => body)).toEqual(['first', 'second']);
  });

  test('reads a text as it is, and null for one that the provider does not know', async () => {
    const provider = open();
    await provider.sendText(text);
    const [sent] = fake.texts;
    await fake.report(sent!, { status: 'undelivered', errorCode: 30003 }, { callback: false });
    fake.settle(sent!, '-0.00790');
    expect(await provider.readText(sent!.sid)).toMatchObject({
      ok: true,
      text: { status: 'undelivered', errorCode: 30003, price: '-0.00790', priceUnit: 'USD', segments: 1 },
    });
    expect(await provider.readText('SM00')).toEqual({ ok: true, text: null });
  });

  test('believes no error, price or count beyond reason, and reads no answer of more than 1 MB', async () => {
    const provider = open();
    await provider.sendText(text);
    const [sent] = fake.texts;
    await fake.report(sent!, { status: 'failed', errorCode: 99_999_999_999 }, { callback: false });
    fake.settle(sent!, '-99999');
    sent!.numSegments = '51';
    expect(await provider.readText(sent!.sid)).toMatchObject({
      ok: true,
      text: { status: 'failed', errorCode: null, price: null, segments: null },
    });
    sent!.body = 'x'.repeat(1_000_001);
    const fault = { ok: false, fault: 'ERR_BAD_RESPONSE' };
    expect(await provider.readText(sent!.sid)).toEqual(fault);
    expect(await provider.findTexts({ to: text.to, since: new Date(0) })).toEqual(fault);
  });

  test('a fault of the provider is a value, with nothing of the request in it', async () => {
    fake.onRead = () => ({ httpStatus: 503 });
    expect(await open().findTexts({ to: text.to, since: new Date(0) })).toEqual({
      ok: false,
      fault: 'http_503',
    });
    expect(await open().readText('SM00')).toEqual({ ok: false, fault: 'http_503' });
  });
});

describe('the list of all texts', () => {
  const noon = new Date('2026-11-20T12:00:00Z');
  const at = (seconds: number) => new Date(noon.getTime() + seconds * 1000);

  test('comes by pages, the newest first, with both bounds to the second, and without what went the other way', async () => {
    const provider = open();
    for (let second = -2; second <= 8; second += 1) {
      fake.receive({ from: text.to, to: fromPhone, body: String(second), sentAt: at(second) });
    }
    await provider.sendText({ ...text, to: fromPhone });
    fake.texts[0]!.sentAt = at(1);
    const bodies: string[][] = [];
    const range = { since: at(0.9), until: at(6) };
    let page: string | null = null;
    do {
      const listed = await provider.listTexts({
        direction: 'in',
        number: fromPhone,
        ...range,
        pageSize: 4,
        page,
      });
      if (!listed.ok) throw new Error(listed.fault);
      bodies.push(listed.texts.map(({ body }) => body));
      page = listed.nextPage;
    } while (page !== null);
    expect(bodies.flat()).toEqual(['6', '5', '4', '3', '2', '1', '0']);
    expect(bodies.length).toBeGreaterThan(1);
  });

  test('of what we sent has the time it was sent, and leaves out what is not sent yet', async () => {
    const provider = open();
    await provider.sendText(text);
    await provider.sendText(text);
    const [sent] = fake.texts;
    sent!.sentAt = at(3);
    const listed = await provider.listTexts({
      direction: 'out',
      since: at(0),
      until: at(9),
      pageSize: 50,
      page: null,
    });
    expect(listed).toMatchObject({ ok: true, nextPage: null, texts: [{ sid: sent!.sid, sentAt: at(3) }] });
  });

  test('is read for the from-number, or for all numbers of the messaging service', async () => {
    fake.servicePhones = ['+15005550001', '+15005550002'];
    expect(await open().listInboxes()).toEqual({ ok: true, numbers: [fromPhone] });
    const service = open({ sender: { messagingServiceSid: 'MG1' } });
    expect(await service.listInboxes()).toEqual({ ok: true, numbers: fake.servicePhones });
    fake.onRead = () => ({ httpStatus: 503 });
    expect(await service.listInboxes()).toEqual({ ok: false, fault: 'http_503' });
    const range = { since: at(0), until: at(9), pageSize: 50, page: null };
    expect(await service.listTexts({ direction: 'out', ...range })).toEqual({ ok: false, fault: 'http_503' });
  });
});

describe('confirmEntry', () => {
  test('tells Twilio that a code was entered, of codes alone, which were sent to wait for it', async () => {
    const provider = open();
    await provider.sendText(text);
    await provider.sendText({ ...text, purpose: 'update', riskCheck: false });
    expect(fake.texts.map(({ provideFeedback }) => provideFeedback)).toEqual([true, false]);
    expect(await provider.confirmEntry(fake.texts[0]!.sid)).toEqual({ ok: true });
    expect(fake.texts.map(({ feedback }) => feedback)).toEqual([['confirmed'], []]);
  });

  test.each([
    [
      { httpStatus: 404, code: 20404 },
      { fault: 'http_404', isFinal: true },
    ],
    [{ httpStatus: 400 }, { fault: 'http_400', isFinal: true }],
    [
      { httpStatus: 429, code: 20429 },
      { fault: 'http_429', isFinal: false },
    ],
    [
      { httpStatus: 401, code: 20003 },
      { fault: 'http_401', isFinal: false },
    ],
    [{ httpStatus: 503 }, { fault: 'http_503', isFinal: false }],
    ['reset', { fault: 'ECONNRESET', isFinal: false }],
  ] as const)('%j becomes a value of our own, which says whether it is final', async (answer, told) => {
    const provider = open();
    await provider.sendText(text);
    fake.onFeedback = () => answer;
    expect(await provider.confirmEntry(fake.texts[0]!.sid)).toEqual({ ok: false, ...told });
  });
});

describe('readDeactivations', () => {
  const day = '2026-11-19';
  const read = async (list: string | FakeList, overrides: Parameters<typeof open>[0] = {}) => {
    fake.deactivations.set(day, list);
    const batches: string[][] = [];
    const answer = await open(overrides).readDeactivations(day, async (phones) => void batches.push(phones));
    return { answer, batches };
  };

  test('follows the signed address without our credentials, and reads what is a number', async () => {
    const odd = [
      '\ufeff12125550100',
      '+12125550101 ',
      '"2125550102"',
      '',
      'phone_number',
      '1212555',
      '121255501000',
      '+442071838750',
      `${'x'.repeat(200)}12125550103`,
      '12125550104',
    ];
    const { answer, batches } = await read(odd.join('\r\n'));
    expect(answer).toEqual({ ok: true, count: 4 });
    expect(batches).toEqual([['+12125550100', '+12125550101', '+12125550102', '+12125550104']]);
    expect(fake.listsAsked).toEqual([
      { day, file: false, authorization: expect.stringMatching(/^Basic /) },
      { day, file: true, authorization: null },
    ]);
  });

  test('a number that is cut between two pieces is one, and an empty list has none', async () => {
    expect(await read({ pieces: ['12125550', '100\n1212', '5550101'] })).toEqual({
      answer: { ok: true, count: 2 },
      batches: [['+12125550100', '+12125550101']],
    });
    expect(await read('')).toEqual({ answer: { ok: true, count: 0 }, batches: [] });
  });

  test('a file of a million numbers is read by thousands, and no faster than they are taken', async () => {
    let written = 0;
    const pieces = (function* () {
      for (let thousands = 0; thousands < 1_000; thousands += 1) {
        written += 1_000;
        yield Array.from({ length: 1_000 }, (_, i) => `1212${2_000_000 + thousands * 1_000 + i}\n`).join('');
      }
    })();
    fake.deactivations.set(day, { pieces });
    const sizes: number[] = [];
    let taken = 0;
    let mostAhead = 0;
    const answer = await open().readDeactivations(day, async (phones) => {
      mostAhead = Math.max(mostAhead, written - taken);
      sizes.push(phones.length);
      taken += phones.length;
    });
    expect(answer).toEqual({ ok: true, count: 1_000_000 });
    expect(Math.max(...sizes)).toBe(1_000);
    // What is on its way in the connection's own buffers, at most.
    expect(mostAhead).toBeLessThan(900_000);
  });

  test.each<[string, string | FakeList, object]>([
    ['that breaks off', { pieces: ['12125550100\n'], cut: true }, { reason: 'unanswered' }],
    ['of a page', '<html>\n<p>No</p>', { reason: 'unanswered', fault: 'NO_NUMBERS' }],
    ['that says no', { pieces: ['no'], status: 403 }, { reason: 'unanswered', fault: 'HTTP_403' }],
  ])('a file %s is no list', async (_, list, answer) => {
    expect((await read(list)).answer).toMatchObject({ ok: false, ...answer });
  });

  test.each([
    [{ httpStatus: 400, code: 30114 }, { reason: 'not_yet' }],
    [{ httpStatus: 400, code: 30113 }, { reason: 'too_old' }],
    [
      { httpStatus: 429, code: 20429 },
      { reason: 'unanswered', fault: 'http_429' },
    ],
    [
      { httpStatus: 500, code: null },
      { reason: 'unanswered', fault: 'http_500' },
    ],
  ])('the error %j of a list becomes %j', async (error, answer) => {
    fake.onDeactivations = error;
    expect((await read('')).answer).toEqual({ ok: false, ...answer });
  });

  test('what takes the numbers may fail, which is no fault of the provider', async () => {
    fake.deactivations.set(day, '12125550100');
    const failing = open().readDeactivations(day, () => Promise.reject(new Error('no database')));
    await expect(failing).rejects.toThrow('no database');
  });
});
