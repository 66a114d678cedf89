import { readFileSync } from 'node:fs';
import { Agent, request as requestHttp, type IncomingHttpHeaders } from 'node:http';
import { createServer, request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A request that went through the proxy, and what was answered. */
export type Exchange = {
  method: string;
  /** With the query. */
  path: string;
  status: number;
  headers: IncomingHttpHeaders;
  /** Empty where it is no text that a page is made of. */
  body: string;
};

export type TlsProxy = {
  port: number;
  /** Whom the proxy says that requests come from. */
  clientAddress: string;
  /** All that was answered so far, in that order; a test may empty it. */
  exchanges: Exchange[];
  /** Asks for an address of the public origin by way of the proxy, as someone on the Internet would; follows no redirect. */
  fetch: (
    url: string,
    init?: { method?: string; headers?: Record<string, string>; body?: URLSearchParams },
  ) => Promise<Response>;
  stop: () => Promise<void>;
};

/** What the certificate beside this file is for; no resolver knows the name (RFC 6761). */
export const publicHost = 'portal.doorstep.test';

const key = readFileSync(fileURLToPath(new URL('tls-proxy.key.pem', import.meta.url)));
const certificate = readFileSync(fileURLToPath(new URL('tls-proxy.cert.pem', import.meta.url)));
const pageType = /^(text\/(html|plain|x-component)|application\/json)/;

/**
 * Ends TLS on a free port of the loopback and passes everything on to `upstreamPort`, as the nginx of
 * docs/operations.md does, with the other forwarding headers that many add. It keeps what was answered.
 */
export async function startTlsProxy(upstreamPort: number): Promise<TlsProxy> {
  const agent = new Agent({ keepAlive: true });
  const exchanges: Exchange[] = [];
  const server = createServer({ key, cert: certificate }, (request, response) => {
    const { method = 'GET', url: path = '/' } = request;
    const given = request.headers['x-forwarded-for'];
    const headers = {
      ...request.headers,
      'x-forwarded-for': given ? `${String(given)}, ${proxy.clientAddress}` : proxy.clientAddress,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': request.headers.host,
      // So that answers can be read as they pass.
      'accept-encoding': 'identity',
    };
    const upstream = requestHttp(
      { host: '127.0.0.1', port: upstreamPort, agent, method, path, headers },
      (answer) => {
        const status = answer.statusCode ?? 0;
        const isPage = pageType.test(answer.headers['content-type'] ?? '');
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => isPage && chunks.push(chunk));
        answer.once('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          exchanges.push({ method, path, status, headers: answer.headers, body });
        });
        response.writeHead(status, answer.headers);
        answer.pipe(response);
      },
    );
    upstream.once('error', () => {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
    response.once('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
    request.pipe(upstream);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, resolve);
  });
  const { port } = server.address() as AddressInfo;

  const proxy: TlsProxy = {
    port,
    clientAddress: '198.51.100.1',
    exchanges,
    fetch: (url, { method = 'GET', headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const { host, pathname, search } = new URL(url);
        if (host !== publicHost) throw new Error(`${url} is not behind the proxy`);
        const request = requestHttps(
          {
            host: '127.0.0.1',
            port,
            servername: publicHost,
            ca: certificate,
            method,
            path: pathname + search,
            headers: { host, ...headers },
          },
          (answer) => {
            const chunks: Buffer[] = [];
            answer.on('data', (chunk: Buffer) => chunks.push(chunk));
            answer.once('error', reject);
            answer.once('end', () => {
              const status = answer.statusCode ?? 0;
              const pairs = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
                values.map((value): [string, string] => [name, value]),
              );
              // With these the standard's Response takes no body, not even an empty one.
              const content = [204, 304].includes(status) ? null : Buffer.concat(chunks);
              resolve(new Response(content, { status, headers: pairs }));
            });
          },
        );
        request.once('error', reject);
        request.end(body?.toString());
      }),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
  return proxy;
}
