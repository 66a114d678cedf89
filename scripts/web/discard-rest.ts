import type { IncomingMessage } from 'node:http';

/** So many bytes of what is not wanted are read and thrown away, in so many pieces. */
const most = { bytes: 1024 * 1024, pieces: 2_000 };

/**
 * Reads the rest of a body and throws it away, since a connection that is closed while the other side still sends is reset, and
 * the answer is lost. Where that is too much, the connection is closed all the same, once what was written to it is out. `onEnough` is
 * called once, then or at the end of the body.
 *
 * Pieces count beside bytes: in chunks of one byte a body costs a hundred times what its bytes tell.
 */
export function discardRest(request: IncomingMessage, onEnough: () => void = () => undefined): void {
  let { bytes, pieces } = most;
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    onEnough();
  };
  // Stays, so that what was read from the connection already is passed over and not kept.
  request.on('data', (piece: Buffer) => {
    bytes -= piece.length;
    pieces -= 1;
    if (isOver || (bytes >= 0 && pieces >= 0)) return;
    end();
    request.socket.destroySoon();
  });
  request.once('end', end).once('close', end).on('error', end).resume();
}
