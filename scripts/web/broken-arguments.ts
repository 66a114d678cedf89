import type { IncomingMessage, ServerResponse } from 'node:http';
import { currentRequestId } from '@/lib/request-scope';

/** Where Next and what it brings along read a form or the arguments of an action, and hand them to the action. */
const reading = /react-server-dom-\w+-server|\/action-handler\.ts|\/busboy\/|^node:internal\/deps\/undici/;

/** Where there is none of our code: of Node, of Next, or of the language itself. */
const foreign = /node_modules\/|\bnode:|<anonymous>|\(index \d+\)$/;

/**
 * Finds forms that Next could not read: no page of ours sends one, so anyone who does must not write errors into the log. Next takes
 * them for errors of ours, and answers 500; they are answered 400.
 */
export function makeBrokenArguments(): {
  /** Begins to look after a request; `note` is told at most once that it was one. */
  watch: (request: IncomingMessage, response: ServerResponse, note: () => void) => void;
  /** Whether an error, told by the frames of its stack, comes of the request that is being answered, before any code of ours ran. */
  isOne: (frames: readonly string[]) => boolean;
} {
  const posts = new Map<string, { isBroken: boolean; note: () => void }>();
  return {
    watch: (request, response, note) => {
      const id = currentRequestId();
      if (request.method !== 'POST' || id === null) return;
      const known = posts.get(id);
      // What Next asks itself for it is part of it.
      const post = known ?? { isBroken: false, note };
      if (!known) {
        posts.set(id, post);
        response.once('close', () => posts.delete(id));
      }
      const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
      response.writeHead = ((status: number, ...rest: unknown[]) =>
        writeHead(post.isBroken && status === 500 ? 400 : status, ...rest)) as typeof response.writeHead;
    },
    isOne: (frames) => {
      const post = posts.get(currentRequestId() ?? '');
      if (!post || !frames.slice(0, 3).some((frame) => reading.test(frame))) return false;
      if (!frames.every((frame) => foreign.test(frame))) return false;
      if (!post.isBroken) post.note();
      post.isBroken = true;
      return true;
    },
  };
}
