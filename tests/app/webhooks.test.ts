import { and, eq } from 'drizzle-orm';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { phoneNumbers, smsMessages, webhookRefusals } from '@/db/schema/sms';
import { closeDb, isDatabaseAnswering } from '@/db/client';
import { newId } from '@/lib/random';
import { readNumber } from '@/lib/sms/numbers/number';
import { useDatabase } from '../support/database';
import {
  accountSid,
  askForUpdate,
  authToken,
  fromPhone,
  makePerson,
  readText,
  twilioVariables,
} from '../support/texts';

const database = useDatabase();
const origin = 'https://portal.example.com';
const statusPath = '/users/webhook/twilio';
const inboundPath = '/users/webhook/twilio/inbound';

type Handler = (request: Request) => Promise<Response>;
let handlers: Record<string, Handler>;

beforeAll(async () => {
  const settings = {
    ...twilioVariables('http://127.0.0.1:4229'),
    DATABASE_URL: database.url,
    APP_URL: origin,
    OPERATOR_NAME: 'Example Housing, Inc.',
    OPERATOR_CONTACT: 'help@example.com',
  };
  Object.assign(process.env, settings, {
    TWILIO_AUTH_TOKEN: `${authToken}, the token before`,
    AUTH_SECRET: 'a secret of at least 32 bytes for tests',
    LOG_LEVEL: 'error',
  });
  // The settings are read on first use, so the routes are loaded only now.
  const [status, inbound] = await Promise.all([
    import('@/app/users/webhook/twilio/route'),
    import('@/app/users/webhook/twilio/inbound/route'),
  ]);
  handlers = { [statusPath]: status.POST, [inboundPath]: inbound.POST };
  handlers[`GET ${statusPath}`] = status.GET;
  handlers[`GET ${inboundPath}`] = inbound.GET;
});
afterAll(closeDb);

type Call = {
  params?: Record<string, string>;
  query?: string;
  /** What was called; what was signed, where that differs. */
  path: string;
  signedUrl?: string;
  token?: string;
  signature?: string | null;
  body?: BodyInit;
  headers?: Record<string, string>;
};

/** Calls a route as Next does: the address it sees is its own, never the public one. */
async function call({ params = {}, query = '', path, ...rest }: Call): Promise<Response> {
  const signedUrl = rest.signedUrl ?? `${origin}${path}${query}`;
  const signature =
    rest.signature === undefined
      ? getExpectedTwilioSignature(rest.token ?? authToken, signedUrl, params)
      : rest.signature;
  const handler = handlers[path.replace(/\/$/, '')]!;
  return handler(
    new Request(`http://localhost:4229${path}${query}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        host: 'attacker.example.com',
        ...rest.headers,
        ...(signature === null ? {} : { 'x-twilio-signature': signature }),
      },
      body: rest.body ?? new URLSearchParams(params).toString(),
      ...(rest.body instanceof ReadableStream ? { duplex: 'half' } : {}),
    } as RequestInit),
  );
}

function statusOf(sid: string, to: string, status: string, more: Record<string, string> = {}) {
  return { MessageSid: sid, AccountSid: accountSid, To: to, From: fromPhone, MessageStatus: status, ...more };
}

function inboundFrom(from: string, body: string, more: Record<string, string> = {}) {
  return { MessageSid: newSid(), AccountSid: accountSid, From: from, To: fromPhone, Body: body, ...more };
}

function newSid(): string {
  return `SM${newId().replaceAll('-', '')}`;
}

/** A text that the provider has accepted under a SID. */
async function giveSent() {
  const person = await makePerson(database.db);
  const id = await askForUpdate(database.db, person);
  const sid = newSid();
  await database.db
    .update(smsMessages)
    .set({ status: 'sent', providerSid: sid, sentAt: new Date(), sender: fromPhone })
    .where(eq(smsMessages.id, id));
  return { ...person, id, sid, query: `?message=${id}` };
}

describe('both webhooks', () => {
  it.each([statusPath, inboundPath])('%s refuses with 403 what is not signed for it', async (path) => {
    const params =
      path === statusPath ? statusOf(newSid(), '+15005550009', 'sent') : inboundFrom('+15005550009', 'Hi');
    const other = path === statusPath ? inboundPath : statusPath;
    const good = getExpectedTwilioSignature(authToken, `${origin}${path}`, params);
    const refused: Record<string, Partial<Call>> = {
      'no signature': { signature: null },
      'an empty one': { signature: '' },
      'another token': { token: 'another' },
      'an empty token': { token: '' },
      'a replay of the other route': { signedUrl: `${origin}${other}` },
      'the Host header in the address': { signedUrl: `https://attacker.example.com${path}` },
      'the inner address': { signedUrl: `http://localhost:4229${path}` },
      'another query': { signature: good, query: '?message=1' },
      'another body': { signature: good, body: new URLSearchParams({ ...params, To: '+1' }).toString() },
      'an added field': { signature: good, body: `${new URLSearchParams(params).toString()}&A=1` },
      'no body': { signature: good, body: '' },
    };
    for (const [what, forged] of Object.entries(refused)) {
      expect([what, (await call({ path, params, ...forged })).status]).toEqual([what, 403]);
    }
    expect((await call({ path, params })).ok).toBe(true);
  });

  it.each([statusPath, inboundPath])('%s answers with and without a trailing slash', async (path) => {
    const params =
      path === statusPath ? statusOf(newSid(), '+15005550009', 'sent') : inboundFrom('+15005550009', 'Hi');
    expect((await call({ path: `${path}/`, params })).ok).toBe(true);
    expect((await call({ path: `${path}/`, params, signedUrl: `${origin}${path}` })).status).toBe(403);
  });

  it.each([statusPath, inboundPath])(
    '%s refuses with 413 what is longer than 16 KB, signed or not',
    async (path) => {
      const padded = (bytes: number) => {
        const params = { AccountSid: accountSid, Body: '' };
        const rest = new URLSearchParams(params).toString().length;
        return { ...params, Body: 'a'.repeat(bytes - rest) };
      };
      expect((await call({ path, params: padded(16 * 1024) })).ok).toBe(true);
      expect((await call({ path, params: padded(16 * 1024 + 1) })).status).toBe(413);
      let sent = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1024;
          controller.enqueue(new Uint8Array(1024).fill(97));
        },
      });
      expect((await call({ path, signature: null, body: endless })).status).toBe(413);
      expect(sent).toBeLessThan(64 * 1024);
    },
  );

  it.each([statusPath, inboundPath])(
    '%s refuses with 413 more than 500 fields, before any signature is worked out',
    async (path) => {
      const fields = (count: number) =>
        new URLSearchParams([
          ['AccountSid', accountSid],
          ...Array.from({ length: count - 1 }, (_, index): [string, string] => [index.toString(36), '']),
        ]).toString();
      expect((await call({ path, signature: 'none of ours', body: fields(500) })).status).toBe(403);
      expect((await call({ path, signature: 'none of ours', body: fields(501) })).status).toBe(413);
    },
  );

  it.each([statusPath, inboundPath])('%s answers 400 to a body that is cut before its end', async (path) => {
    let begun = false;
    const cut = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (begun) return controller.error(new Error('aborted'));
        begun = true;
        controller.enqueue(new TextEncoder().encode('AccountSid='));
      },
    });
    const answer = await call({ path, body: cut });
    expect([answer.status, await answer.text()]).toEqual([400, '']);
  });
});

describe('what is refused', () => {
  it.each([statusPath, inboundPath])(
    'by %s leaves a count with the reason',
    async (path) => {
      const params =
        path === statusPath ? statusOf(newSid(), '+15005550009', 'sent') : inboundFrom('+1', 'Hi');
      const long = { ...params, Body: 'a'.repeat(17_000) };
      const webhook = path === statusPath ? 'status' : 'inbound';
      // Those of other tests are of another hour.
      const hour = new Date('2026-01-01T10:00:00Z');
      const count = async () => {
        const rows = await database.db
          .select()
          .from(webhookRefusals)
          .where(and(eq(webhookRefusals.webhook, webhook), eq(webhookRefusals.hour, hour)));
        const counts: Record<string, number> = {};
        for (const { reason, namesUs, count: n } of rows) {
          const key = `${reason}${namesUs ? ', names us' : ''}`;
          counts[key] = (counts[key] ?? 0) + n;
        }
        return counts;
      };
      vi.useFakeTimers({ toFake: ['Date'], now: hour });
      await call({ path, params, signature: null });
      await call({ path, params: { ...params, AccountSid: 'AC0' }, signature: '' });
      await call({ path, params, token: 'another' });
      await call({ path, params: long });
      await call({ path, params: { ...params, AccountSid: 'AC0' } });
      const get = await handlers[`GET ${path}`]!(
        new Request(`http://localhost${path}?${new URLSearchParams(params)}`),
      );
      expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
      vi.useRealTimers();
      await expect.poll(count, { timeout: 15_000 }).toEqual({
        'no_signature, names us': 1,
        no_signature: 1,
        'wrong_signature, names us': 1,
        'too_long, names us': 1,
        wrong_account: 1,
        'wrong_method, names us': 1,
      });
    },
    40_000,
  );

  it.each([statusPath, inboundPath])(
    'by %s is nothing that is signed with the token before',
    async (path) => {
      const params =
        path === statusPath ? statusOf(newSid(), '+15005550009', 'sent') : inboundFrom('+1', 'Hi');
      expect((await call({ path, params, token: 'the token before' })).ok).toBe(true);
      expect((await call({ path, params, token: `${authToken}, the token before` })).status).toBe(403);
    },
  );
});

describe('the status webhook', () => {
  it('moves a text on, keeps error and price, and ignores fields it does not know', async () => {
    const text = await giveSent();
    const params = statusOf(text.sid, text.phone, 'undelivered', {
      ErrorCode: '30006',
      Price: '-0.00830',
      PriceUnit: 'USD',
      NumSegments: '1',
      RawDlrDoneDate: '2611221200',
      __proto__: 'x',
      constructor: 'x',
    });
    const answer = await call({ path: statusPath, query: text.query, params });
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect(await readText(database.db, text.id)).toMatchObject({
      status: 'failed',
      errorCode: 30006,
      price: '0.008300',
      reason: 'undeliverable_number',
    });
  });

  it('takes duplicates and disorder in its stride', async () => {
    const text = await giveSent();
    for (const status of ['delivered', 'sent', 'queued', 'delivered', 'failed', 'no_such_status', '']) {
      const params = statusOf(text.sid, text.phone, status);
      expect((await call({ path: statusPath, query: text.query, params })).status).toBe(204);
    }
    expect(await readText(database.db, text.id)).toMatchObject({ status: 'delivered', errorCode: null });
  });

  it('answers 204 to signed events that are not about our texts, and changes nothing', async () => {
    const [one, other] = [await giveSent(), await giveSent()];
    const foreign: Partial<Call>[] = [
      { params: statusOf(newSid(), one.phone, 'failed') },
      { params: statusOf(newSid(), one.phone, 'failed'), query: one.query },
      { params: statusOf(other.sid, one.phone, 'failed'), query: one.query },
      { params: statusOf(one.sid, one.phone, 'failed'), query: `?message=${newId()}` },
      { params: statusOf(one.sid, one.phone, 'failed'), query: '?message=nonsense' },
      { params: { ...statusOf(one.sid, one.phone, 'failed'), AccountSid: 'AC0' }, query: one.query },
      { params: { AccountSid: accountSid } },
      { params: { ...statusOf("x'); drop table", one.phone, 'failed') } },
    ];
    for (const each of foreign) expect((await call({ path: statusPath, ...each })).status).toBe(204);
    for (const { id } of [one, other]) {
      expect(await readText(database.db, id)).toMatchObject({ status: 'sent', providerStatus: null });
    }
  });

  it('believes our message id and the number while no SID is stored', async () => {
    const person = await makePerson(database.db);
    const id = await askForUpdate(database.db, person);
    const sid = newSid();
    const query = `?message=${id}`;
    await call({ path: statusPath, query, params: statusOf(sid, '+12125550000', 'sent') });
    expect((await readText(database.db, id)).providerSid).toBeNull();
    await call({ path: statusPath, query, params: statusOf(sid, person.phone, 'sent') });
    expect(await readText(database.db, id)).toMatchObject({ providerSid: sid, status: 'sent' });
  });

  it('records an opt-out that the carrier reports', async () => {
    const text = await giveSent();
    const params = statusOf(text.sid, text.phone, 'failed', { ErrorCode: '21610' });
    await call({ path: statusPath, query: text.query, params });
    expect(await readNumber(database.db, text.phone)).toMatchObject({ suppressedBy: 'carrier_stop' });
  });
});

describe('the inbound webhook', () => {
  it('obeys STOP at once and leaves the answer to Twilio', async () => {
    const { phone } = await makePerson(database.db);
    const answer = await call({
      path: inboundPath,
      params: inboundFrom(phone, 'STOP', { OptOutType: 'STOP' }),
    });
    expect(answer.headers.get('content-type')).toBe('text/xml; charset=utf-8');
    expect(await answer.text()).toBe('<?xml version="1.0" encoding="UTF-8"?><Response/>');
    expect((await readNumber(database.db, phone))?.suppressedAt).not.toBeNull();
  });

  it('confirms plain language with one message whose fate comes back to its own row', async () => {
    const { phone } = await makePerson(database.db);
    const params = inboundFrom(phone, 'Please stop texting me!');
    const twiml = await (await call({ path: inboundPath, params })).text();
    const [, callback, body] = /<Message statusCallback="([^"]+)">([^<]+)<\/Message>/.exec(twiml)!;
    expect(body).toMatch(/^Doorstep: you have opted out/);
    expect(await (await call({ path: inboundPath, params })).text()).toBe(twiml);

    const { search, origin: called, searchParams } = new URL(callback!.replaceAll('&amp;', '&'));
    expect(called).toBe(origin);
    await call({ path: statusPath, query: search, params: statusOf(newSid(), phone, 'delivered') });
    expect(await readText(database.db, searchParams.get('message')!)).toMatchObject({
      purpose: 'reply',
      status: 'delivered',
    });
  });

  it('ignores what another account or another number got, without an answer', async () => {
    const { phone } = await makePerson(database.db);
    const others: Record<string, string>[] = [
      { AccountSid: 'AC0' },
      { To: '+12125550000' },
      { From: 'DOORSTEP' },
      { MessageSid: '' },
    ];
    for (const more of others) {
      const answer = await call({ path: inboundPath, params: inboundFrom(phone, 'who is this?', more) });
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('<Response/>')]);
    }
    expect(await database.db.select().from(smsMessages).where(eq(smsMessages.phone, phone))).toHaveLength(0);
  });
});

it('calls that wait for a number that someone holds leave connections for everyone else', async () => {
  const phone = '+12125550177';
  await database.db.insert(phoneNumbers).values({ number: phone });
  const holder = await database.pool.connect();
  const startedMs = performance.now();
  try {
    await holder.query('begin');
    await holder.query('select from phone_numbers where number = $1 for update', [phone]);
    const calls = Array.from({ length: 30 }, (_, nth) =>
      call({
        path: inboundPath,
        params: {
          AccountSid: accountSid,
          MessageSid: `SM${String(nth).padStart(32, '0')}`,
          From: phone,
          To: fromPhone,
          Body: 'hello',
        },
      }).catch(() => null),
    );
    const waits = () => database.pool.query(`select from pg_stat_activity where wait_event_type = 'Lock'`);
    await expect.poll(async () => (await waits()).rowCount).toBe(3);
    expect(await isDatabaseAnswering(1_000)).toBe(true);
    await holder.query('commit');
    await Promise.all(calls);
  } finally {
    holder.release();
  }
  const { rows } = await database.pool.query(
    `select from sms_messages where phone = $1 and direction = 'in'`,
    [phone],
  );
  // They were all kept, unless the machine was so slow that the first gave up waiting.
  expect(rows.length).toBeGreaterThanOrEqual(performance.now() - startedMs < 3_000 ? 30 : 27);
});
