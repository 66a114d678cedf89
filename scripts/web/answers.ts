import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxBodyBytes } from '@/lib/body-limit';
import { discardRest } from './discard-rest';

/** For so long the rest of a body that is not wanted is read and thrown away. */
const lingerMs = 2_000;

const plain = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'`,
};

export const tooLargeWords = `This is larger than ${maxBodyBytes / 1024} KB, so nothing was saved. Send less at once.`;
export const busyWords =
  'Too much is being asked of this server just now, so nothing was done. Try again in ten seconds.';
export const busyHeaders = { 'retry-after': '10' };

/**
 * Refuses a request in plain words and closes its connection, once what is left of its body has been thrown away: a
 * connection that is closed while the other side still sends is reset, and the words are lost.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  words: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    ...plain,
    ...headers,
    'content-length': Buffer.byteLength(words) + 1,
    connection: 'close',
  });
  response.write(`${words}\n`);
  if (request.complete || request.destroyed) {
    response.end();
    return;
  }
  const close = (): void => {
    clearTimeout(patience);
    response.end();
  };
  const patience = setTimeout(close, lingerMs);
  discardRest(request, close);
}

/** Says that there is too much to do just now. It is as short as can be, and leaves the connection open. */
export function sayBusy(response: ServerResponse): void {
  const body = `${busyWords}\n`;
  response.writeHead(503, { ...plain, ...busyHeaders, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
