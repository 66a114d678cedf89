import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const header = 'x-doorstep-inner';

/**
 * Tells requests that Next sends to itself while it answers one: they carry its headers. Such a request needs no place, and
 * must not wait for one: the request that waits for it has one. What the header says is known to nobody outside.
 */
export function makeInnerRequests(): {
  mark: (request: IncomingMessage) => void;
  isMarked: (request: IncomingMessage) => boolean;
} {
  const secret = randomBytes(24).toString('base64url');
  return {
    mark: ({ headers }) => {
      headers[header] = secret;
    },
    isMarked: ({ headers }) => headers[header] === secret,
  };
}
