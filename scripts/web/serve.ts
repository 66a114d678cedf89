import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { isLoopbackHostname } from '@/lib/env';
import { examineRequest, type Verdict } from './examine-request';

export type WebOptions = {
  appUrl: URL;
  /** 0 lets the system choose. */
  port: number;
  handle: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** Hot reload's websocket; without it every upgrade is refused. */
  handleUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
};

export type WebServer = {
  port: number;
  /** From now on `/api/ready` answers 503, while everything else goes on: load balancers look elsewhere. */
  announceEnd(): void;
  /** Takes no new requests, answers the ones in hand (for at most `patienceMs`), and is closed. */
  close(patienceMs: number): Promise<void>;
};

/**
 * Our own listener in front of Next, in the same process: examines every request first. On localhost it listens on the
 * loopback addresses only. Rejects with the system's error (EADDRINUSE …) when it cannot listen.
 */
export async function serveWeb({ appUrl, port, handle, handleUpgrade }: WebOptions): Promise<WebServer> {
  const servers: Server[] = [];
  const upgraded = new Set<Duplex>();
  let ending = false;
  const open = async (host: string | undefined, at: number): Promise<number> => {
    const server = createServer((request, response) => {
      const verdict = examineRequest(request, addressOf(request), appUrl);
      if (verdict.ok && ending && /^\/api\/ready\/?(?:\?|$)/.test(request.url ?? '')) {
        answerStopping(response);
        return;
      }
      if (verdict.ok) {
        if (request.method === 'POST') seeOther(response);
        handle(request, response);
        return;
      }
      response.writeHead(verdict.status, {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': `default-src 'none'`,
        connection: 'close',
      });
      response.end(`${refusalWords[verdict.reason](appUrl)}\n`);
    });
    server.on('upgrade', (request, socket, head) => {
      if (handleUpgrade && examineRequest(request, addressOf(request), appUrl).ok) {
        upgraded.add(socket);
        socket.once('close', () => upgraded.delete(socket));
        handleUpgrade(request, socket, head);
      } else socket.destroy();
    });
    // Longer than the 60 s after which common load balancers drop an idle connection, so that they do so first.
    server.keepAliveTimeout = 65_000;
    server.headersTimeout = 20_000;
    server.requestTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: at, host }, resolve);
    });
    servers.push(server);
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
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
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
  foreign_origin: () =>
    'This form was sent from another site, so nothing was done. Open the page here and send it again.',
  too_large: () => 'This is larger than 32 KB, so nothing was saved. Send less at once.',
  method: () => 'TRACE is not answered here.',
  misdirected: (appUrl) => `This server answers only as ${appUrl.origin}.`,
};

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}
