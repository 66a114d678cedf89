import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a connection is doing: `next` waits until the present answer is out. */
type Line = { isBusy: boolean; next: (() => void) | null };

/**
 * Serves one request of a connection at a time. One more may wait: a client may have an answer in full a moment before its
 * end is known here. Who sends still more without waiting for answers has its connection closed: no browser and no
 * common proxy does so, each request takes a hundred times the memory that it takes to send, and a client has to be ready
 * for a connection that closes (RFC 9112, 9.3.2).
 *
 * Out: a function that runs `serve` now or later, or not at all. It answers whether the connection may go on.
 */
export function makeOneAtATime() {
  const lines = new WeakMap<Socket, Line>();
  return (request: IncomingMessage, response: ServerResponse, serve: () => void): boolean => {
    const { socket } = request;
    const line = lines.get(socket) ?? { isBusy: false, next: null };
    lines.set(socket, line);
    const run = (): void => {
      line.isBusy = true;
      response.once('close', () => {
        line.isBusy = false;
        const { next } = line;
        line.next = null;
        if (!socket.destroyed) next?.();
      });
      serve();
    };
    if (!line.isBusy) run();
    else if (line.next === null) line.next = run;
    else {
      socket.destroy();
      return false;
    }
    return true;
  };
}
