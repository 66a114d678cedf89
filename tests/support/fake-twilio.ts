import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { AddressInfo } from 'node:net';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';

/** A text as the fake has it. */
export type FakeText = {
  sid: string;
  direction: 'outbound-api' | 'inbound';
  to: string;
  from: string | null;
  messagingServiceSid: string | null;
  body: string;
  status: string;
  errorCode: number | null;
  price: string | null;
  priceUnit: string;
  numSegments: string;
  validityPeriod: number | null;
  riskCheck: string | null;
  provideFeedback: boolean;
  /** What was told of it, each time. */
  feedback: string[];
  statusCallback: string | null;
  createdAt: Date;
  /** Kept by the second; null: it is not sent yet. */
  sentAt: Date | null;
};

/** What the fake does with a request to create a text, instead of accepting and answering it. */
export type FakeFault =
  /** Answers no, with Twilio's error shape; `code` null leaves the code out. */
  | { kind: 'refuse'; httpStatus: number; code: number | null; headers?: Record<string, string> }
  /** Never answers. */
  | { kind: 'hang' }
  /** Cuts the connection. */
  | { kind: 'reset' }
  /** Accepts, and then never answers. */
  | { kind: 'accept_and_hang' }
  /** Accepts, and then cuts the connection. */
  | { kind: 'accept_and_reset' }
  /** Accepts, and then answers no. */
  | { kind: 'accept_and_refuse'; httpStatus: number }
  /** Accepts, then does this before it answers. */
  | { kind: 'accept_after'; before: (text: FakeText) => Promise<void> };

/** One request that reached the fake; `page`: of the list by the time sent. */
export type FakeRequest = {
  kind: 'create' | 'list' | 'fetch' | 'page' | 'inboxes' | 'feedback' | 'deactivations';
  atMs: number;
  to: string | null;
};

/** What a file of numbers out of service is: its text, or pieces of it as they are sent; `cut`: the connection breaks after them. */
export type FakeList = { pieces: Iterable<string>; cut?: boolean; status?: number };

export type FakeTwilio = {
  /** For TWILIO_API_BASE_URL. */
  url: string;
  /** Every text that was accepted, in order. */
  texts: FakeText[];
  /** Every text from a person, in order. */
  inbound: FakeText[];
  /** What the messaging service sends by. */
  servicePhones: string[];
  /** The lists of numbers out of service, by day (`YYYY-MM-DD`); of other days there is none yet. */
  deactivations: Map<string, string | FakeList>;
  /** Which days were asked for, and which files were read, by whom: the credentials that came along. */
  listsAsked: { day: string; file: boolean; authorization: string | null }[];
  /** An error in the place of every list of numbers out of service; null: none. */
  onDeactivations: { httpStatus: number; code: number | null } | null;
  /** A fault for telling that a code was entered; null lets it through. */
  onFeedback: (sid: string) => { httpStatus: number; code?: number } | 'hang' | 'reset' | null;
  /** Those about one text, or one number's. */
  requests: FakeRequest[];
  /** Those that go through all texts. */
  surveys: FakeRequest[];
  /** Decides what happens to the next requests; null lets a text through. */
  onCreate: (request: { to: string; body: string }) => FakeFault | null;
  /** A fault for listing and fetching; null lets them through. */
  onRead: (request: FakeRequest) => { httpStatus: number } | 'hang' | 'reset' | null;
  /** Resolves with what `look` finds, asked again after every request. */
  whenSeen: <Found>(look: (fake: FakeTwilio) => Found | null | undefined | false) => Promise<Found>;
  /** Moves a text on, and posts the signed callback when it has one and `callback` is not false. */
  report: (
    text: FakeText,
    state: { status: string; errorCode?: number | null },
    options?: { callback?: boolean },
  ) => Promise<Response | null>;
  /** Calls a webhook for a text from a person, signed. */
  hand: (text: FakeText, webhook: string) => Promise<Response>;
  /** A person writes to us. The fake never calls the webhook for it: tests do (`hand`), where it is to arrive. */
  receive: (text: { from: string; to: string; body: string; sentAt: Date }) => FakeText;
  /** The price becomes known, as it does some time after delivery. */
  settle: (text: FakeText, price: string) => void;
  stop: () => Promise<void>;
};

/** Signs a webhook as Twilio does. */
function signWebhook(authToken: string, url: string, params: Record<string, string>): string {
  return getExpectedTwilioSignature(authToken, url, params);
}

/**
 * A server that speaks the part of Twilio's REST API that texts need: create, list by number and time sent, page by page, fetch,
 * feedback, the numbers of a messaging service, lists of numbers out of service; and that sends signed status callbacks. It can fail in every way that was ever seen of the real one.
 */
export async function startFakeTwilio({
  accountSid,
  authToken,
  port = 0,
  post = fetch,
}: {
  accountSid: string;
  authToken: string;
  port?: number;
  /** Carries the callbacks, where their address can be reached only by way of something else. */
  post?: (
    url: string,
    init: { method: 'POST'; headers: Record<string, string>; body: URLSearchParams },
  ) => Promise<Response>;
}): Promise<FakeTwilio> {
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const messages = `/2010-04-01/Accounts/${accountSid}/Messages`;
  const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;

  const call = (url: string, params: Record<string, string>) =>
    post(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': signWebhook(authToken, url, params),
      },
      body: new URLSearchParams(params),
    });
  const fake: FakeTwilio = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    texts: [],
    inbound: [],
    servicePhones: [],
    deactivations: new Map(),
    listsAsked: [],
    onDeactivations: null,
    onFeedback: () => null,
    requests: [],
    surveys: [],
    onCreate: () => null,
    onRead: () => null,
    whenSeen: (look) =>
      new Promise((resolve) => {
        const check = () => {
          const found = look(fake);
          if (!found) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
    report: async (text, { status, errorCode = null }, { callback = true } = {}) => {
      text.status = status;
      text.errorCode = errorCode;
      if (!['queued', 'accepted', 'scheduled', 'sending'].includes(status)) text.sentAt ??= new Date();
      if (text.numSegments === '0') text.numSegments = '1';
      ring();
      if (!callback || text.statusCallback === null) return null;
      const params: Record<string, string> = {
        AccountSid: accountSid,
        ApiVersion: '2010-04-01',
        From: text.from ?? '',
        MessageSid: text.sid,
        MessageStatus: status,
        SmsSid: text.sid,
        SmsStatus: status,
        To: text.to,
        ...(errorCode === null ? {} : { ErrorCode: String(errorCode) }),
      };
      return call(text.statusCallback, params);
    },
    hand: ({ sid, from, to, body }, webhook) =>
      call(webhook, { AccountSid: accountSid, Body: body, From: from ?? '', MessageSid: sid, To: to }),
    receive: ({ from, to, body, sentAt }) => {
      const text: FakeText = {
        sid: `SM${randomBytes(16).toString('hex')}`,
        direction: 'inbound',
        to,
        from,
        messagingServiceSid: null,
        body,
        status: 'received',
        errorCode: null,
        price: null,
        priceUnit: 'USD',
        numSegments: '1',
        validityPeriod: null,
        riskCheck: null,
        provideFeedback: false,
        feedback: [],
        statusCallback: null,
        createdAt: sentAt,
        sentAt,
      };
      fake.inbound.push(text);
      return text;
    },
    settle: (text, price) => {
      text.price = price;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return fake;

  function ring(): void {
    for (const check of [...waiting]) check();
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = performance.now();
    const url = new URL(request.url ?? '/', 'http://fake');
    const form = new URLSearchParams(await readAll(request));
    const file = /^\/files\/([\d-]+)\.txt$/.exec(url.pathname)?.[1];
    if (file !== undefined) return sendFile(file, request, response);
    if (request.headers.authorization !== authorization) {
      return refuse(response, 401, 20003);
    }
    if (request.method === 'POST' && url.pathname === `${messages}.json`) {
      return create(form, response, atMs);
    }
    if (request.method === 'GET' && url.pathname === '/v1/Deactivations') {
      return redirectToList(url.searchParams.get('Date') ?? '', request, response);
    }
    const told = /^\/2010-04-01\/Accounts\/\w+\/Messages\/(\w+)\/Feedback\.json$/.exec(url.pathname)?.[1];
    if (request.method === 'POST' && told !== undefined) return takeFeedback(told, form, response, atMs);
    if (request.method === 'GET') {
      const to = url.searchParams.get('To');
      const isList = url.pathname === `${messages}.json`;
      const service = /^\/v1\/Services\/\w+\/(PhoneNumbers|ShortCodes)$/.exec(url.pathname)?.[1];
      const kind = isList
        ? url.searchParams.has('DateSent>')
          ? 'page'
          : 'list'
        : service
          ? 'inboxes'
          : 'fetch';
      const asked: FakeRequest = { kind, atMs, to };
      (kind === 'page' || kind === 'inboxes' ? fake.surveys : fake.requests).push(asked);
      const fault = fake.onRead(asked);
      ring();
      if (fault === 'hang') return;
      if (fault === 'reset') return void response.destroy();
      if (fault !== null) return refuse(response, fault.httpStatus, null);
      if (isList) return send(response, 200, list(url));
      if (service === 'PhoneNumbers') {
        const numbers = fake.servicePhones.map((phone) => ({
          sid: `PN${phone.slice(1)}`,
          phone_number: phone,
        }));
        return send(response, 200, { phone_numbers: numbers, meta: { key: 'phone_numbers' } });
      }
      if (service === 'ShortCodes') {
        return send(response, 200, { short_codes: [], meta: { key: 'short_codes' } });
      }
      const text = fake.texts.find((each) => url.pathname === `${messages}/${each.sid}.json`);
      if (text) return send(response, 200, describe(text));
    }
    refuse(response, 404, 20404);
  }

  function takeFeedback(sid: string, form: URLSearchParams, response: ServerResponse, atMs: number): void {
    const text = fake.texts.find((each) => each.sid === sid);
    fake.surveys.push({ kind: 'feedback', atMs, to: text?.to ?? null });
    const fault = fake.onFeedback(sid);
    if (fault === 'reset') response.destroy();
    else if (fault !== null && fault !== 'hang') refuse(response, fault.httpStatus, fault.code ?? null);
    else if (fault === null && text === undefined) refuse(response, 404, 20404);
    else if (fault === null) {
      const outcome = form.get('Outcome') ?? 'confirmed';
      text!.feedback.push(outcome);
      const uri = `${messages}/${sid}/Feedback.json`;
      send(response, 201, { account_sid: accountSid, message_sid: sid, outcome, uri });
    }
    ring();
  }

  /** Twilio redirects to a signed address, and says it in the body, too. */
  function redirectToList(day: string, request: IncomingMessage, response: ServerResponse): void {
    fake.surveys.push({ kind: 'deactivations', atMs: performance.now(), to: null });
    fake.listsAsked.push({ day, file: false, authorization: request.headers.authorization ?? null });
    const error = fake.onDeactivations;
    if (error !== null) refuse(response, error.httpStatus, error.code);
    else if (!fake.deactivations.has(day)) refuse(response, 400, 30114);
    else {
      const address = `${fake.url}/files/${day}.txt?signature=of-two-minutes`;
      send(response, 307, { redirect_to: address }, { location: address });
    }
    ring();
  }

  async function sendFile(day: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    fake.listsAsked.push({ day, file: true, authorization: request.headers.authorization ?? null });
    const list = fake.deactivations.get(day) ?? '';
    const { pieces, cut = false, status = 200 } = typeof list === 'string' ? { pieces: [list] } : list;
    response.writeHead(status, { 'content-type': 'text/plain' });
    for (const piece of pieces) {
      if (!response.write(piece)) await once(response, 'drain');
    }
    if (cut) setImmediate(() => response.destroy());
    else response.end();
    ring();
  }

  /** The newest first. A bound of the time sent takes it in, and leaves out what is not sent yet. */
  function list(url: URL): Record<string, unknown> {
    const ask = (name: string) => url.searchParams.get(name);
    const [to, from, after, before] = [ask('To'), ask('From'), ask('DateSent>'), ask('DateSent<')];
    const sentMs = ({ sentAt }: FakeText) => (sentAt ? Math.floor(sentAt.getTime() / 1000) * 1000 : NaN);
    const newestFirst = [...fake.texts, ...fake.inbound]
      .sort((a, b) => toSecond(a.createdAt) - toSecond(b.createdAt))
      .reverse();
    const found = newestFirst.filter(
      (text) =>
        (to === null || text.to === to) &&
        (from === null || text.from === from) &&
        (after === null || sentMs(text) >= Date.parse(after)) &&
        (before === null || sentMs(text) <= Date.parse(before)),
    );
    const size = Number(ask('PageSize') ?? 50);
    const page = Number(ask('Page') ?? 0);
    const next = new URLSearchParams(url.searchParams);
    next.set('Page', String(page + 1));
    return {
      messages: found.slice(page * size, (page + 1) * size).map(describe),
      page,
      page_size: size,
      next_page_uri: found.length > (page + 1) * size ? `${messages}.json?${next}` : null,
      uri: `${url.pathname}${url.search}`,
    };
  }

  async function create(form: URLSearchParams, response: ServerResponse, atMs: number): Promise<void> {
    const to = form.get('To') ?? '';
    const body = form.get('Body') ?? '';
    fake.requests.push({ kind: 'create', atMs, to });
    const fault = fake.onCreate({ to, body });
    if (fault?.kind === 'refuse') {
      refuse(response, fault.httpStatus, fault.code, fault.headers);
    } else if (fault?.kind === 'reset') {
      response.destroy();
    } else if (fault?.kind !== 'hang') {
      const text = accept(form);
      if (fault === null) send(response, 201, describe(text));
      else if (fault.kind === 'accept_and_reset') response.destroy();
      else if (fault.kind === 'accept_and_refuse') refuse(response, fault.httpStatus, null);
      else if (fault.kind === 'accept_after') {
        ring();
        await fault.before(text);
        send(response, 201, describe(text));
      }
    }
    ring();
  }

  function accept(form: URLSearchParams): FakeText {
    const messagingServiceSid = form.get('MessagingServiceSid');
    const text: FakeText = {
      sid: `SM${randomBytes(16).toString('hex')}`,
      direction: 'outbound-api',
      to: form.get('To') ?? '',
      from: form.get('From'),
      messagingServiceSid,
      body: form.get('Body') ?? '',
      status: messagingServiceSid ? 'accepted' : 'queued',
      errorCode: null,
      price: null,
      priceUnit: 'USD',
      numSegments: messagingServiceSid ? '0' : '1',
      validityPeriod: form.has('ValidityPeriod') ? Number(form.get('ValidityPeriod')) : null,
      riskCheck: form.get('RiskCheck'),
      provideFeedback: form.get('ProvideFeedback') === 'true',
      feedback: [],
      statusCallback: form.get('StatusCallback'),
      createdAt: new Date(),
      sentAt: null,
    };
    fake.texts.push(text);
    return text;
  }

  function describe(text: FakeText): Record<string, unknown> {
    return {
      account_sid: accountSid,
      api_version: '2010-04-01',
      body: text.body,
      date_created: text.createdAt.toUTCString().replace('GMT', '+0000'),
      date_sent: text.sentAt?.toUTCString().replace('GMT', '+0000') ?? null,
      date_updated: text.createdAt.toUTCString().replace('GMT', '+0000'),
      direction: text.direction,
      error_code: text.errorCode,
      error_message: null,
      from: text.from,
      messaging_service_sid: text.messagingServiceSid,
      num_media: '0',
      num_segments: text.numSegments,
      price: text.price,
      price_unit: text.priceUnit,
      sid: text.sid,
      status: text.status,
      subresource_uris: {},
      to: text.to,
      uri: `${messages}/${text.sid}.json`,
    };
  }
}

function toSecond(moment: Date): number {
  return Math.floor(moment.getTime() / 1000);
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function refuse(
  response: ServerResponse,
  status: number,
  code: number | null,
  headers: Record<string, string> = {},
): void {
  const body = {
    message: `Refused with ${code ?? status}`,
    more_info: '',
    status,
    ...(code === null ? {} : { code }),
  };
  send(response, status, body, headers);
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
