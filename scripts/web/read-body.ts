import type { IncomingMessage } from 'node:http';
import type { BodyRoom } from './body-room';

/**
 * What a body turned out to be. `cut`: the connection ended before it did. `no_room`: there is no memory for it, since too
 * much is sent at once.
 */
export type BodyVerdict = 'whole' | 'too_large' | 'too_slow' | 'cut' | 'no_room';

/** What a piece takes beside its bytes, about. */
const bytesOfPiece = 256;

/** A body may come in so many pieces, and one more for each so many bytes that it may have: networks cut no smaller. */
const fewestPieces = 100;
const smallestPiece = 128;

export function hasBody({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Reads a body to its end and counts it by its bytes, whatever Content-Length says. Stops as soon as more than `mostBytes`
 * have come, when there is no room for more, or after `withinMs`; what comes after that is passed over. `read` is what came.
 *
 * Each piece takes room beside its bytes, and the connection of a body in too many is closed: in chunks of one byte, which is all
 * that HTTP asks for, a body takes a hundred times the memory and the time that its bytes tell.
 */
export function readBody(
  request: IncomingMessage,
  { mostBytes, withinMs, room }: { mostBytes: number; withinMs: number; room: BodyRoom },
): Promise<{ verdict: BodyVerdict; read: Buffer }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const mostPieces = fewestPieces + mostBytes / smallestPiece;
    let bytes = 0;
    const end = (verdict: BodyVerdict): void => {
      clearTimeout(patience);
      request.off('data', take).off('end', finish).off('close', cut);
      // A request that is paused keeps what was read from the connection already, each piece by itself.
      if (verdict !== 'whole') request.on('data', () => undefined);
      resolve({ verdict, read: Buffer.concat(chunks) });
    };
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > mostBytes) end('too_large');
      else if (chunks.length > mostPieces) {
        end('cut');
        request.destroy();
      } else if (!room.grow(chunk.length + bytesOfPiece)) end('no_room');
    };
    const finish = (): void => end('whole');
    const cut = (): void => end('cut');
    const patience = setTimeout(() => end('too_slow'), withinMs);
    // Also what comes later is nobody's to handle here, and must not end the process.
    request.on('error', () => undefined);
    if (request.destroyed) cut();
    else request.on('data', take).on('end', finish).on('close', cut);
    void room.lost.then(() => end('no_room'));
  });
}
