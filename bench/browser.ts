import { randomBytes } from 'node:crypto';
import { Agent, request as sendRequest, type IncomingHttpHeaders } from 'node:http';
import { gunzipSync } from 'node:zlib';

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  /** Unpacked. */
  text: string;
  /** As they came over the wire. */
  bytes: number;
  /** What was set; what was taken away is empty. */
  cookies: Record<string, string>;
  /** The path that it leads to; null: nowhere. */
  leadsTo: string | null;
};

export type Call = {
  cookies?: Record<string, string>;
  headers?: Record<string, string>;
  body?: { type: string; text: string };
};

export type Caller = (method: 'GET' | 'POST', path: string, call?: Call) => Promise<Answer>;

/** The hidden fields of a form, in order; the server names its actions in them. */
export type HiddenFields = readonly (readonly [name: string, value: string])[];

/** Makes requests over connections that stay open, as a proxy in front of the server does. */
export function openCaller(base: URL): { call: Caller; close: () => void } {
  // Below the five seconds after which a server of Node closes a connection that is idle.
  const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: 'lifo', timeout: 3_000 });
  const call: Caller = (method, path, { cookies = {}, headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const cookie = Object.entries(cookies)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => `${name}=${value}`)
        .join('; ');
      const request = sendRequest(
        {
          agent,
          host: '127.0.0.1',
          port: base.port,
          method,
          path,
          headers: {
            host: base.host,
            origin: base.origin,
            ...(cookie ? { cookie } : {}),
            ...(body ? { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) } : {}),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const raw = Buffer.concat(chunks);
            const isPacked = response.headers['content-encoding'] === 'gzip';
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: (isPacked ? gunzipSync(raw) : raw).toString('utf8'),
              bytes: raw.length,
              cookies: readCookies(response.headers['set-cookie'] ?? []),
              leadsTo: readDestination(response.headers),
            });
          });
        },
      );
      request.setTimeout(60_000, () =>
        request.destroy(new Error(`${method} ${path}: no answer in a minute`)),
      );
      request.on('error', reject);
      request.end(body?.text);
    });
  return { call, close: () => agent.destroy() };
}

/** The hidden fields of the first form of a page that `isIt`. */
export function readHiddenFields(html: string, isIt: (form: string) => boolean): HiddenFields {
  for (const [form] of html.matchAll(/<form[\s\S]*?<\/form>/g)) {
    if (!isIt(form)) continue;
    return [...form.matchAll(/<input[^>]*>/g)]
      .map(([tag]) => tag)
      .filter((tag) => readAttribute(tag, 'type') === 'hidden')
      .map((tag) => [readAttribute(tag, 'name') ?? '', readAttribute(tag, 'value') ?? ''] as const);
  }
  throw new Error(`The form is not on this page: ${html.replace(/<[^>]+>/g, ' ').slice(0, 300)}`);
}

/** A form as a browser without JavaScript sends it. */
export function writeForm(
  hidden: HiddenFields,
  fields: Record<string, string>,
): { type: string; text: string } {
  const kept = hidden.filter(([name]) => !(name in fields));
  return writeParts([...kept, ...Object.entries(fields)]);
}

/** The same form as React sends it: what the action is bound to is in the body, its name in a header. */
export function writeActionCall(
  hidden: HiddenFields,
  fields: Record<string, string>,
): { action: string; body: { type: string; text: string } } {
  const given = Object.fromEntries(hidden);
  const own = hidden.filter(([name]) => !name.startsWith('$ACTION') && !(name in fields));
  const parts = [...own, ...Object.entries(fields)].map(([name, value]) => [`_1_${name}`, value] as const);
  const reference = hidden
    .find(([name]) => name.startsWith('$ACTION_REF_'))?.[0]
    .slice('$ACTION_REF_'.length);
  if (reference === undefined) {
    const action = hidden.find(([name]) => name.startsWith('$ACTION_ID_'))?.[0].slice('$ACTION_ID_'.length);
    if (action === undefined) throw new Error('This form belongs to no action');
    return { action, body: writeParts([...parts, ['0', '["$K1"]']]) };
  }
  const { id } = JSON.parse(given[`$ACTION_${reference}:0`]!) as { id: string };
  const [state] = JSON.parse(given[`$ACTION_${reference}:1`]!) as [unknown];
  return { action: id, body: writeParts([...parts, ['0', JSON.stringify([state, '$K1'])]]) };
}

function writeParts(parts: HiddenFields): { type: string; text: string } {
  const boundary = `----bench${randomBytes(12).toString('hex')}`;
  const text = parts
    .map(
      ([name, value]) =>
        `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    )
    .join('');
  return { type: `multipart/form-data; boundary=${boundary}`, text: `${text}--${boundary}--\r\n` };
}

function readAttribute(tag: string, name: string): string | null {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  if (value === undefined) return null;
  const named: Record<string, string> = { quot: '"', '#x27': "'", '#39': "'", lt: '<', gt: '>', amp: '&' };
  return value.replace(/&(#?\w+);/g, (whole, entity: string) => named[entity] ?? whole);
}

function readCookies(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [pair] = line.split(';', 1);
      const split = pair!.indexOf('=');
      return [pair!.slice(0, split), pair!.slice(split + 1)];
    }),
  );
}

/** Next tells a script by a header of its own. */
function readDestination({ location, 'x-action-redirect': ofAction }: IncomingHttpHeaders): string | null {
  const target = typeof ofAction === 'string' ? ofAction.split(';', 1)[0] : location;
  if (target === undefined) return null;
  const { pathname, search } = new URL(target, 'http://localhost');
  return `${pathname}${search}`;
}
