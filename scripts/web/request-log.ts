import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Log } from '@/lib/log';
import { inRequest } from '@/lib/request-scope';

/** What every page brings along, and what machines ask for all day: said at the level `debug` only. */
const quietRoutes = new Set(['/_next', '/api/health', '/api/ready', '/api/metrics']);

/** What open pages ask every few seconds: said at `debug`, too, unless the answer is a refusal or an error. */
const askedRoutes = new Set(['/users/verify-phone/status', '/dev/phone/texts']);

/** What common proxies write: a UUID, or its 32 digits. Anything else could be text of a stranger. */
const wellFormed = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/i;

/**
 * Gives every request an id, and writes one line when its answer is out or its client has gone: id, method, route, status and
 * how long it took. `status=499`: the client went before there was an answer.
 *
 * The id is that of X-Request-Id where our own proxy is in front and has written one that is well-formed, else a new one. It goes
 * back in the answer under the same name. A request that Next sends to itself is part of the one that it answers: it has the same
 * id, and its line is for `debug`.
 */
export function makeRequestLog({
  routeOf,
  trustsProxy,
  log,
}: {
  routeOf: (target: string) => string;
  trustsProxy: boolean;
  log: () => Log;
}): (request: IncomingMessage, response: ServerResponse, isInner: boolean) => string {
  return (request, response, isInner) => {
    const given = request.headers['x-request-id'];
    const isGiven = (trustsProxy || isInner) && typeof given === 'string' && wellFormed.test(given);
    const id = isGiven ? given.toLowerCase() : randomUUID();
    request.headers['x-request-id'] = id;
    const beganMs = performance.now();
    const { method, url = '' } = request;
    response.setHeader('x-request-id', id);
    response.once('close', () => {
      const route = routeOf(url);
      const status = response.headersSent ? response.statusCode : 499;
      const isQuiet = quietRoutes.has(route) || (askedRoutes.has(route) && status < 400);
      const level = isInner || isQuiet ? 'debug' : 'info';
      const ms = Math.round(performance.now() - beganMs);
      inRequest(id, () => log()[level]('request', { method, route, status, ms }));
    });
    return id;
  };
}
