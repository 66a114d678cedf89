import type { IncomingHttpHeaders } from 'node:http';
import { parseAndValidateFlightRouterState } from 'next/dist/server/app-render/parse-and-validate-flight-router-state';
import { maxBodyBytes } from '@/lib/body-limit';
import { isLoopbackHostname } from '@/lib/env';
import { keepOwnCookies } from './own-cookies';

/** Tells the app that the request came by way of a proxy, or claims so; set and cleared here alone. */
const forwardedMarker = 'x-doorstep-forwarded';

/** Carries the path and query as they were called, to the letter: Next writes some characters of a query again. */
const targetHeader = 'x-doorstep-target';

/** No address of ours has more than a dozen. What Next does with one name 7,000 times takes it 1.6 s of the one event loop. */
const mostQueryFields = 100;

/** Browsers and proxies send some thirty. Each costs time in every layer that reads them, and 16 KB hold thousands. */
const mostHeaders = 150;

export type Verdict =
  | { ok: true }
  | { ok: false; status: 400; reason: 'bad_target' | 'bad_state' }
  | { ok: false; status: 403; reason: 'foreign_origin' }
  | { ok: false; status: 405; reason: 'method' }
  | { ok: false; status: 413; reason: 'too_large' }
  | { ok: false; status: 421; reason: 'misdirected' }
  | { ok: false; status: 431; reason: 'many_headers' };

type ExaminedRequest = {
  method?: string | undefined;
  url?: string | undefined;
  headers: IncomingHttpHeaders;
  /** Names and values in turn. */
  rawHeaders?: readonly string[];
};

/**
 * What our listener does to every request before Next sees it: headers by which a client could pretend to be the app's
 * own are removed, as are cookies that are not ours, `socketAddress` is appended to X-Forwarded-For (so the last entry can be
 * trusted), and all other forwarding headers are dropped, since the public address comes from APP_URL alone. On localhost a Host
 * that is no loopback name is refused with 421 (RFC 9110, 15.5.20): it is how a foreign page's domain, pointed at 127.0.0.1,
 * would reach the development phone. On a public APP_URL Host becomes that of APP_URL. A query of more than 100 fields is
 * refused with 400, and so is a path that URL would read as another one, or that is no UTF-8 (`isSettled`), and one asked for by a header of Next's that
 * it cannot read (`isRouterState`). A POST that names another site as its Origin is refused with 403, a body longer than `maxBodyBytes` with 413, more than 150 headers with 431.
 *
 * @param socketAddress `null`: the request is our own, sent for a visitor with the visitor's headers as they are left here;
 *   the address and the mark in them stay as they are
 */
export function examineRequest(request: ExaminedRequest, socketAddress: string | null, appUrl: URL): Verdict {
  const { headers, rawHeaders = [] } = request;
  if (rawHeaders.length > 2 * mostHeaders) return { ok: false, status: 431, reason: 'many_headers' };

  // An absolute target (`GET http://other/`) would take precedence over Host and slip past what follows.
  if (!request.url?.startsWith('/')) return { ok: false, status: 400, reason: 'bad_target' };

  if (request.url.split('&', mostQueryFields + 1).length > mostQueryFields || !isSettled(request.url)) {
    return { ok: false, status: 400, reason: 'bad_target' };
  }

  // Next answers 500 to it, and takes it for an error of ours.
  if (headers.rsc !== undefined && !isRouterState(headers['next-router-state-tree'])) {
    return { ok: false, status: 400, reason: 'bad_state' };
  }

  // It has no use here, and Next answers 500 to it.
  if (request.method === 'TRACE') return { ok: false, status: 405, reason: 'method' };

  const cookie = keepOwnCookies(headers.cookie, appUrl);
  if (cookie === undefined) delete headers.cookie;
  else headers.cookie = cookie;

  let isForwarded = socketAddress === null && headers[forwardedMarker] !== undefined;
  const forwardedFor = headers['x-forwarded-for'];
  for (const name of Object.keys(headers)) {
    if (name === 'forwarded' || name.startsWith('x-forwarded-')) isForwarded ||= socketAddress !== null;
    else if (!name.startsWith('x-doorstep-') && name !== 'x-middleware-subrequest') continue;
    delete headers[name];
  }
  const chain = Array.isArray(forwardedFor) ? forwardedFor.join(', ') : forwardedFor;
  headers['x-forwarded-for'] = [chain, socketAddress].filter((part) => part).join(', ');
  headers['x-forwarded-proto'] = appUrl.protocol.slice(0, -1);
  if (isForwarded) headers[forwardedMarker] = '1';
  headers[targetHeader] = request.url;

  if (!isLoopbackHostname(appUrl.hostname)) headers.host = appUrl.host;
  else {
    const hostname = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(headers.host ?? '')?.[1];
    if (!hostname || !isLoopbackHostname(hostname)) return { ok: false, status: 421, reason: 'misdirected' };
  }
  const own = `${appUrl.protocol}//${headers.host}`;
  if (!URL.canParse(own)) return { ok: false, status: 421, reason: 'misdirected' };
  if (request.method === 'POST' && headers.origin !== undefined) {
    // Our own was looked at when it came, at the address that the visitor used.
    if (socketAddress !== null && isForeign(headers, new URL(own)))
      return { ok: false, status: 403, reason: 'foreign_origin' };
    // Next compares the two to the letter.
    headers.origin = new URL(own).origin;
  }
  return Number(headers['content-length'] ?? 0) > maxBodyBytes
    ? { ok: false, status: 413, reason: 'too_large' }
    : { ok: true };
}

/**
 * Whether URL leaves the path of a target as it is, but for characters that it escapes. Next reads a path by URL, which takes
 * dot segments out (`/_next/static/../users/login`, also as `%2e%2e`) and turns backslashes: it would answer with
 * another page than the one that was looked at here. Browsers do the same before they send, so none sends such a path.
 */
function isSettled(target: string): boolean {
  const path = target.split('?', 1)[0]!;
  const read = `http://localhost${path}`;
  return isUtf8(path) && URL.canParse(read) && escaped(new URL(read).pathname) === escaped(path);
}

/** Whether what a path has escaped is text. Next answers 500 to a page whose address has an id that is none. */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path.replace(/%(?![0-9a-f]{2})/gi, '%25'));
    return true;
  } catch {
    return false;
  }
}

/** Whether Next can read what a page says is on the screen, which it sends along when it asks for parts of another. */
function isRouterState(header: string | string[] | undefined): boolean {
  try {
    parseAndValidateFlightRouterState(header);
    return true;
  } catch {
    return false;
  }
}

/** With all that one client or another sends as it is, and URL does or does not escape. */
function escaped(path: string): string {
  return path.replace(/[^!-~]|["<>^`{|}]/g, (character) => encodeURIComponent(character));
}

/**
 * Whether a request's Origin is another site. `null`, as some privacy settings make it, is ours when the browser says so
 * (Sec-Fetch-Site). All loopback names with one port are one server.
 */
function isForeign({ origin = '', 'sec-fetch-site': site }: IncomingHttpHeaders, own: URL): boolean {
  if (origin === 'null') return site !== 'same-origin';
  if (!URL.canParse(origin)) return true;
  const sender = new URL(origin);
  if (sender.origin === own.origin) return false;
  const isLoopback = isLoopbackHostname(sender.hostname) && isLoopbackHostname(own.hostname);
  return !isLoopback || sender.protocol !== own.protocol || sender.port !== own.port;
}
