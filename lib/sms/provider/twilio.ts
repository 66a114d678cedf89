import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import twilio from 'twilio';
import type RequestClient from 'twilio/lib/base/RequestClient';
import type { MessageInstance } from 'twilio/lib/rest/api/v2010/account/message';
import { nameTwilioSender, type TwilioSettings } from '@/lib/env';
import { readDeactivationsFile } from './deactivations-file';
import { readFigures } from './figures';
import type {
  AskFault,
  DeactivationsRead,
  ListedText,
  Provider,
  ProviderText,
  SendOutcome,
} from './provider';
import { awaitsReports } from '@/lib/sms/senders/sender';

/** Both well below the lease of a text, and short enough that the person on the code page learns of it in time. */
const connectTimeoutMs = 2_500;
const answerTimeoutMs = 4_000;

/** A text that was accepted can be listed this long after the call's timeout at the latest. */
const listedAfterMs = 5_000;

/** With status callbacks, the provider is asked only about what did not come; without them, soon. */
const checkAfterMs = { withCallbacks: 5 * 60_000, withoutCallbacks: 3_000 };

/** An answer to any question of ours is far smaller; a longer one is not read to its end. */
const longestAnswerBytes = 1_000_000;

/** The longest list of one number's recent texts that a look-up reads. */
const listLimit = 100;

/** A messaging service has no more senders than this. */
const longestPool = 400;

/**
 * The provider Twilio with one sender, through its SDK (6.x). Errors become values of our own: what the SDK throws for a lost connection
 * carries the request, with the credentials and the text, and must not get any further.
 *
 * `apiBaseUrl` sends everything to another server that speaks the same API. A status callback, which carries our message
 * id, is asked for when the server can be reached: with a public `appUrl`, or with an `apiBaseUrl`.
 */
export function openTwilio(
  settings: Omit<TwilioSettings, 'codesSender'> & { appUrl: URL; isPublic: boolean },
): Provider {
  const { accountSid, authTokens, sender, apiBaseUrl, appUrl, isPublic } = settings;
  const client = twilio(accountSid, authTokens[0], {
    httpClient: new TwilioRequests(apiBaseUrl),
    accountSid,
  });
  const withCallbacks = awaitsReports({ twilio: settings, isPublic });
  const from =
    'fromPhone' in sender ? { from: sender.fromPhone } : { messagingServiceSid: sender.messagingServiceSid };

  return {
    name: 'twilio',
    sender: nameTwilioSender(sender),
    lookUpAfterMs: answerTimeoutMs + listedAfterMs,
    firstCheckAfterMs: withCallbacks ? checkAfterMs.withCallbacks : checkAfterMs.withoutCallbacks,
    // The SDK loads its parts on first use, for a tenth of a second.
    prepare: async () => void client.messages,

    sendText: async ({ to, body, purpose, messageId, validitySeconds, riskCheck }): Promise<SendOutcome> => {
      try {
        const created = await client.messages.create({
          ...from,
          to,
          body,
          ...(validitySeconds === null ? {} : { validityPeriod: validitySeconds }),
          ...(riskCheck ? { riskCheck: 'enable' as const } : {}),
          // So that it waits for `confirmEntry`.
          ...(purpose === 'verification' ? { provideFeedback: true } : {}),
          smartEncoded: true,
          ...(withCallbacks ? { statusCallback: callbackUrl(appUrl, messageId) } : {}),
        });
        const { segments } = readFigures({ segments: created.numSegments });
        if (!isSid(created.sid)) return { outcome: 'unknown', fault: 'answer_without_sid' };
        return { outcome: 'accepted', sid: created.sid, status: readStatus(created.status), segments };
      } catch (error) {
        return explainSend(error);
      }
    },

    findTexts: async ({ to, since }) => {
      try {
        const listed = await client.messages.list({ to, limit: listLimit, pageSize: listLimit });
        const texts = listed
          .map(readInstance)
          .filter((text) => isSid(text.sid) && text.createdAt >= toSecond(since))
          .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
        return { ok: true, texts };
      } catch (error) {
        return explainAsk(error);
      }
    },

    listTexts: async (list) => {
      try {
        const { since, until, pageSize, page } = list;
        const whose =
          list.direction === 'in'
            ? { to: list.number }
            : 'fromPhone' in sender
              ? { from: sender.fromPhone }
              : {};
        // Whether the ends belong to it, and whether more than the day is looked at, is decided below.
        const range = { dateSentAfter: shift(since, -1), dateSentBefore: shift(until, 1) };
        const listed =
          page === null
            ? await client.messages.page({ ...whose, ...range, pageSize })
            : await client.messages.getPage(page);
        const texts = listed.instances
          .filter(({ direction }) => direction.startsWith(list.direction === 'in' ? 'inbound' : 'outbound'))
          .map((text): ListedText => {
            const sentAt = text.dateSent instanceof Date ? text.dateSent : null;
            return { ...readInstance(text), from: text.from ?? '', to: text.to ?? '', sentAt };
          })
          .filter(
            ({ sid, sentAt }) =>
              isSid(sid) && sentAt !== null && sentAt >= toSecond(since) && sentAt <= until,
          );
        return { ok: true, texts, nextPage: listed.nextPageUrl ?? null };
      } catch (error) {
        return explainAsk(error);
      }
    },

    listInboxes: async () => {
      if ('fromPhone' in sender) return { ok: true, numbers: [sender.fromPhone] };
      try {
        const service = client.messaging.v1.services(sender.messagingServiceSid);
        const numbers = await service.phoneNumbers.list({ limit: longestPool, pageSize: longestPool });
        const codes = await service.shortCodes.list({ limit: longestPool, pageSize: longestPool });
        return {
          ok: true,
          numbers: [...numbers.map((each) => each.phoneNumber), ...codes.map((each) => each.shortCode)],
        };
      } catch (error) {
        return explainAsk(error);
      }
    },

    readText: async (sid) => {
      try {
        return { ok: true, text: readInstance(await client.messages(sid).fetch()) };
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return { ok: true, text: null };
        return explainAsk(error);
      }
    },

    confirmEntry: async (sid) => {
      try {
        await client.messages(sid).feedback.create({ outcome: 'confirmed' });
        return { ok: true };
      } catch (error) {
        return { ...explainAsk(error), isFinal: error instanceof Refusal && isFinalRefusal(error) };
      }
    },

    readDeactivations: async (day, take, signal): Promise<DeactivationsRead> => {
      const file = await findDeactivationsFile(day);
      if (!file.ok) return file;
      const batches = readDeactivationsFile(file.url, { apiBaseUrl, signal });
      let count = 0;
      try {
        for (;;) {
          const next = await batches.next().catch(explainAsk);
          if ('fault' in next) return { ...next, reason: 'unanswered' };
          if (next.done) return { ok: true, count };
          count += next.value.length;
          await take(next.value);
        }
      } finally {
        await batches.return(undefined);
      }
    },
  };

  /** Where the list of a day is: an address that Twilio has signed, for two minutes. No credentials of ours belong there. */
  async function findDeactivationsFile(
    day: string,
  ): Promise<{ ok: true; url: URL } | Exclude<DeactivationsRead, { ok: true }>> {
    try {
      // Typed to answer nothing; what it answers is the body of the redirect.
      const answer: unknown = await client.messaging.v1
        .deactivations()
        .fetch({ date: new Date(`${day}T00:00:00Z`) });
      const url = readRedirect(answer);
      if (url === null) return { ok: false, reason: 'unanswered', fault: 'no_address' };
      return { ok: true, url };
    } catch (error) {
      const reason = error instanceof Refusal && deactivationErrors.get(error.twilioCode ?? 0);
      if (reason) return { ok: false, reason };
      return { ...explainAsk(error), reason: 'unanswered' };
    }
  }
}

/** Errors of the list of numbers out of service (twilio.com/docs/api/errors). */
const deactivationErrors: ReadonlyMap<number, 'not_yet' | 'too_old'> = new Map([
  [30113, 'too_old'],
  [30114, 'not_yet'],
]);

function readRedirect(answer: unknown): URL | null {
  const to =
    typeof answer === 'object' && answer !== null && 'redirect_to' in answer ? answer.redirect_to : null;
  return typeof to === 'string' && URL.canParse(to) ? new URL(to) : null;
}

/** What is wrong with such a request does not mend itself, as credentials, too many requests and timeouts may. */
function isFinalRefusal({ status }: Refusal): boolean {
  return status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status);
}

/** The provider keeps whole seconds. */
function toSecond(moment: Date): Date {
  return new Date(Math.floor(moment.getTime() / 1000) * 1000);
}

function shift(moment: Date, seconds: number): Date {
  return new Date(moment.getTime() + seconds * 1000);
}

function callbackUrl(appUrl: URL, messageId: string): string {
  const url = new URL('/users/webhook/twilio', appUrl);
  url.searchParams.set('message', messageId);
  return url.href;
}

/** What is none cannot be stored, and would be tried again for ever. */
function isSid(sid: unknown): boolean {
  return typeof sid === 'string' && /^[A-Za-z0-9]{2,64}$/.test(sid);
}

/** The word, also one that is new to us; null: it is none, and counts as not known yet. */
function readStatus(status: unknown): string | null {
  return typeof status === 'string' && /^[a-z_-]{1,40}$/.test(status) ? status : null;
}

function readInstance(text: MessageInstance): ProviderText {
  return {
    sid: text.sid,
    status: text.status,
    ...readFigures({ errorCode: text.errorCode, price: text.price, segments: text.numSegments }),
    priceUnit: text.priceUnit ?? null,
    body: text.body ?? '',
    createdAt: text.dateCreated,
  };
}

function explainSend(error: unknown): SendOutcome {
  if (error instanceof Refusal) {
    const { status, twilioCode: code, retryAfterSeconds } = error;
    if (status >= 500 || status === 408) return { outcome: 'unknown', fault: `http_${status}` };
    return { outcome: 'refused', code, httpStatus: status, retryAfterSeconds };
  }
  const fault = nameFault(error);
  return neverSent.has(fault) ? { outcome: 'unreachable', fault } : { outcome: 'unknown', fault };
}

function explainAsk(error: unknown): AskFault {
  return { ok: false, fault: error instanceof Refusal ? `http_${error.status}` : nameFault(error) };
}

/** No byte of the request has left while the connection is not made. */
const neverSent: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNECTTIMEOUT',
]);

/** The error's code, or that of its cause, and nothing else of it. */
function nameFault(error: unknown): string {
  const said = error instanceof Error && !('code' in error) ? error.cause : error;
  const code = said instanceof Error && 'code' in said ? said.code : null;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code) ? code : 'fault';
}

/** An HTTP answer that says no. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly twilioCode: number | null,
    readonly retryAfterSeconds: number | null,
  ) {
    super(`The provider answered ${status}`);
  }
}

/** Twilio's HTTP client with another origin, its own timeouts, and no retries: whether to repeat is the outbox's business. */
class TwilioRequests extends twilio.RequestClient {
  constructor(private readonly baseUrl: string | null) {
    super({ timeout: answerTimeoutMs, autoRetry: false, keepAlive: true });
    this.axios.defaults.httpAgent = new ConnectingAgent({ keepAlive: true, maxSockets: 64 });
    this.axios.defaults.httpsAgent = new ConnectingTlsAgent({ keepAlive: true, maxSockets: 64 });
    this.axios.defaults.maxContentLength = longestAnswerBytes;
    this.axios.interceptors.request.use((config) => {
      // Its own timeout starts again with every byte; this one does not.
      config.signal = AbortSignal.timeout(answerTimeoutMs);
      return config;
    });
  }

  override async request<TData>(options: RequestClient.RequestOptions<TData>) {
    const uri = this.baseUrl === null ? options.uri : moveOrigin(options.uri, this.baseUrl);
    const response = await super.request<TData>({ ...options, uri });
    const { statusCode: status } = response;
    if (status < 400) return response;
    const { body, headers } = response as { body?: unknown; headers?: Record<string, unknown> };
    throw new Refusal(status, readCode(body), readRetryAfter(headers?.['retry-after']));
  }
}

function moveOrigin(uri: string, baseUrl: string): string {
  const { pathname, search } = new URL(uri);
  return `${baseUrl}${pathname}${search}`;
}

function readCode(body: unknown): number | null {
  let parsed: unknown = body;
  if (typeof body === 'string') {
    try {
      parsed = JSON.parse(body);
    } catch {
      return null;
    }
  }
  if (typeof parsed !== 'object' || parsed === null || !('code' in parsed)) return null;
  return readFigures({ errorCode: parsed.code }).errorCode;
}

function readRetryAfter(header: unknown): number | null {
  const seconds = typeof header === 'string' && /^\d{1,5}$/.test(header) ? Number(header) : null;
  return seconds;
}

function watchConnect(socket: Duplex | null | undefined, connected: 'connect' | 'secureConnect'): void {
  if (!socket) return;
  const timer = setTimeout(() => {
    socket.destroy(
      Object.assign(new Error('The connection was not made in time'), { code: 'ECONNECTTIMEOUT' }),
    );
  }, connectTimeoutMs);
  const clear = () => clearTimeout(timer);
  socket.once(connected, clear);
  socket.once('close', clear);
}

class ConnectingAgent extends http.Agent {
  override createConnection(...args: Parameters<http.Agent['createConnection']>) {
    const socket = super.createConnection(...args);
    watchConnect(socket, 'connect');
    return socket;
  }
}

class ConnectingTlsAgent extends https.Agent {
  override createConnection(...args: Parameters<https.Agent['createConnection']>) {
    const socket = super.createConnection(...args);
    watchConnect(socket, 'secureConnect');
    return socket;
  }
}
