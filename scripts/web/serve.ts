import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { clientAddress, networkOf } from '@/lib/client-address';
import { isLoopbackHostname } from '@/lib/env';
import type { Log } from '@/lib/log';
import { flushCounts } from '@/lib/metrics/meters';
import { inRequest } from '@/lib/request-scope';
import { acceptMany } from './accept-many';
import { makeAdmission } from './admission';
import { refuse, tooLargeWords } from './answers';
import { makeBrokenArguments } from './broken-arguments';
import { makeConnections } from './connections';
import { examineRequest, type Verdict } from './examine-request';
import { makeInnerRequests } from './inner-requests';
import { makeOneAtATime } from './one-at-a-time';
import { makeRefusalsLine } from './refusals-line';

export type WebOptions = {
  appUrl: URL;
  /** 0 lets the system choose. */
  port: number;
  /** How many of the last entries of X-Forwarded-For proxies of ours have written. */
  trustedProxyHops?: number;
  handle: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** Whether a call of a webhook is signed by the provider; without it all count as signed. */
  isSigned?: (request: IncomingMessage, body: Buffer) => Promise<boolean>;
  /** By which account the browser of a form with a password is known; without it none is. */
  findKnown?: (request: IncomingMessage, body: Buffer) => string | null;
  /** Hot reload's websocket. Without it a wish for an upgrade is passed over, and answered as the request that it comes with (RFC 9110, 7.8). */
  handleUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Told of every request when it comes in, and whether it is our own; out: its id. Without it requests have none. */
  follow?: (request: IncomingMessage, response: ServerResponse, isInner: boolean) => string;
  /** Finds forms that Next cannot read. */
  brokenArguments?: ReturnType<typeof makeBrokenArguments>;
  /** For tests. */
  log?: () => Log;
  mostConnections?: number;
  /** How many connections are taken in one turn of the event loop. */
  acceptsAtOnce?: number;
};

/** Well below the file descriptors that systems grant a process, of which files and the database need some, too. */
const mostConnections = 8_000;

/** How often connections are looked for that take too long to say what they want. */
const lookForSlowMs = 5_000;

export type WebServer = {
  port: number;
  /** From now on `/api/ready` answers 503, while everything else goes on: load balancers look elsewhere. */
  announceEnd(): void;
  /** Takes no new requests, answers the ones in progress (for at most `patienceMs`), and is closed. */
  close(patienceMs: number): Promise<void>;
};

/**
 * Our own listener in front of Next, in the same process: examines every request first, takes its body in, and lets it on
 * in turn (admission.ts). On localhost it listens on the loopback addresses only, and everyone is one network. Rejects
 * with the system's error (EADDRINUSE …) when it cannot listen.
 */
export async function serveWeb({
  appUrl,
  port,
  trustedProxyHops = 0,
  handle,
  isSigned = () => Promise.resolve(true),
  findKnown = () => null,
  handleUpgrade,
  follow,
  brokenArguments = makeBrokenArguments(),
  log,
  mostConnections: most = mostConnections,
  acceptsAtOnce = 1,
}: WebOptions): Promise<WebServer> {
  const servers: Server[] = [];
  const others: Awaited<ReturnType<typeof acceptMany>>[] = [];
  const upgraded = new Set<Duplex>();
  const oneAtATime = makeOneAtATime();
  const inner = makeInnerRequests();
  const refusals = makeRefusalsLine(log ? { log } : {});
  const connections = makeConnections({ most, note: (network) => refusals.note('connections', network) });
  const admission = makeAdmission({
    isOneNetwork: isLoopbackHostname(appUrl.hostname),
    isSigned,
    findKnown,
    handle: (request, response) => {
      inner.mark(request);
      return handle(request, response);
    },
    note: refusals.note,
  });
  let ending = false;

  const receive = (request: IncomingMessage, response: ServerResponse, network: string): void => {
    const isInner = inner.isMarked(request);
    const verdict = examineRequest(request, isInner ? null : addressOf(request), appUrl);
    if (!verdict.ok) {
      refuse(request, response, verdict.status, refusalWords[verdict.reason](appUrl));
      return;
    }
    if (ending && /^\/api\/ready\/?(?:\?|$)/.test(request.url ?? '')) {
      answerStopping(response);
      return;
    }
    if (request.method === 'POST') {
      seeOther(response);
      brokenArguments.watch(request, response, () => refusals.note('broken', network));
    }
    if (isInner) {
      inner.mark(request);
      handle(request, response);
      return;
    }
    admission.admit(request, response, network).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  };
  const networkOfRequest = (request: IncomingMessage): string => {
    const forwardedFor = [request.headers['x-forwarded-for'] ?? [], addressOf(request)].flat().join(', ');
    return networkOf(clientAddress(forwardedFor, trustedProxyHops));
  };

  const open = async (host: string | undefined, at: number): Promise<number> => {
    const server = createServer({ connectionsCheckingInterval: lookForSlowMs }, (request, response) => {
      // The rest of what came in one piece with the request that closed it: thousands of requests fit into that.
      if (request.socket.destroyed) return;
      // We listen five times for its end, and Next about as often as Node takes to be no leak.
      response.setMaxListeners(response.getMaxListeners() + 5);
      connections.use(request, response);
      const network = networkOfRequest(request);
      const id = follow?.(request, response, inner.isMarked(request));
      const begin = () => receive(request, response, network);
      const mayGoOn = oneAtATime(request, response, id === undefined ? begin : () => inRequest(id, begin));
      if (!mayGoOn) refusals.note('pipelined', network);
    });
    server.on('connection', (socket) => connections.open(socket, networkOf(socket.remoteAddress ?? '')));
    if (handleUpgrade) {
      server.on('upgrade', (request, socket, head) => {
        if (!examineRequest(request, addressOf(request), appUrl).ok) return void socket.destroy();
        upgraded.add(socket);
        socket.once('close', () => upgraded.delete(socket));
        handleUpgrade(request, socket, head);
      });
    }
    // Longer than the 60 s after which common load balancers drop an idle connection, so that they do so first.
    server.keepAliveTimeout = 65_000;
    server.headersTimeout = 20_000;
    server.requestTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: at, host }, resolve);
    });
    servers.push(server);
    others.push(await acceptMany(server, acceptsAtOnce - 1));
    return (server.address() as AddressInfo).port;
  };

  let boundPort: number;
  if (isLoopbackHostname(appUrl.hostname)) {
    boundPort = await open('127.0.0.1', port);
    try {
      await open('::1', boundPort);
    } catch (error) {
      // Many containers have no IPv6 loopback; a taken port there would catch what `localhost` resolves to.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
        servers[0]?.close();
        throw error;
      }
    }
  } else boundPort = await open(undefined, port);

  return {
    port: boundPort,
    announceEnd: () => {
      ending = true;
    },
    close: async (patienceMs) => {
      const closed = [
        ...servers.map((server) => new Promise((resolve) => server.close(resolve))),
        ...others.map((other) => other.close()),
      ];
      // A websocket has no answer to wait for, and would keep its server open for ever.
      for (const socket of upgraded) socket.destroy();
      // A connection that was busy at first becomes idle when its answer is out.
      const sweep = setInterval(() => servers.forEach((server) => server.closeIdleConnections()), 50);
      const patience = setTimeout(
        () => servers.forEach((server) => server.closeAllConnections()),
        patienceMs,
      );
      await Promise.all(closed);
      clearInterval(sweep);
      clearTimeout(patience);
      admission.end();
      refusals.flush();
      await flushCounts();
    },
  };
}

function answerStopping(response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify({ status: 'unavailable', reason: 'stopping' }));
}

/**
 * A form sent without JavaScript that ends in a guard's redirect would be sent again to where the redirect leads, with the
 * passwords in it: 307 keeps the method (RFC 9110, 15.4.8). The answer to a POST leads on by GET.
 */
function seeOther(response: ServerResponse): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((status: number, ...rest: unknown[]) =>
    writeHead(status === 307 ? 303 : status, ...rest)) as typeof response.writeHead;
}

const refusalWords: Record<Extract<Verdict, { ok: false }>['reason'], (appUrl: URL) => string> = {
  bad_target: () => 'Bad request.',
  bad_state: () => 'Bad request.',
  foreign_origin: () =>
    'This form was sent from another site, so nothing was done. Open the page here and send it again.',
  too_large: () => tooLargeWords,
  many_headers: () => 'This request has too many headers.',
  method: () => 'TRACE is not answered here.',
  misdirected: (appUrl) => `This server answers only as ${appUrl.origin}.`,
};

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}
