import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

/** Long enough for the app to take in what came before it is told that the rest never will. */
const pauseMs = 250;

/** A request once more, whose body is no longer on its way: to read it, or to stop reading it, touches no connection. */
class BufferedRequest extends IncomingMessage {
  constructor(original: IncomingMessage, socket: Socket) {
    super(socket);
    const { method, url, headers, rawHeaders, httpVersion, httpVersionMajor, httpVersionMinor } = original;
    Object.assign(this, {
      method,
      url,
      headers,
      rawHeaders,
      httpVersion,
      httpVersionMajor,
      httpVersionMinor,
    });
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(error);
  }
}

/**
 * The request with `body`, which was read from it, for whoever reads it next. A stream that has been read from
 * is refused by what Next makes its own requests of, so it is a new one.
 */
export function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const whole = new BufferedRequest(request, request.socket);
  whole.complete = true;
  if (body.length > 0) whole.push(body);
  whole.push(null);
  return whole;
}

/**
 * A request whose connection ended before its body did, as the app would have met it: first what came, then a fault. For
 * calls of the webhooks, of which each that fails has to leave a trace. What is answered goes nowhere.
 */
export function cutShort(
  request: IncomingMessage,
  body: Buffer,
): { request: IncomingMessage; response: ServerResponse } {
  const cut = new BufferedRequest(request, new Socket());
  if (body.length > 0) cut.push(body);
  cut._read = () => {
    cut._read = () => undefined;
    setTimeout(() => cut.destroy(new Error('aborted')), pauseMs);
  };
  const response = new ServerResponse(cut);
  response.assignSocket(new Writable({ write: (_chunk, _encoding, done) => done() }) as Socket);
  return { request: cut, response };
}
