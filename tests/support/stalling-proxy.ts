import { setTimeout as delay } from 'node:timers/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type StallingProxy = {
  /** The server's address by way of the proxy. */
  url: string;
  /**
   * The server's machine is gone, and nothing on the way tells: connections stay open and whatever is written to them is
   * swallowed, new ones are accepted and never hear a word. The server itself loses its clients, as if it had stopped.
   */
  stall(): void;
  /** The server is back: new connections work. Those from before are as dead as ever, and still do not tell. */
  resume(): void;
  /** Ends every connection with a reset. New ones work unless the proxy is stalled. */
  cut(): void;
  close(): Promise<void>;
};

/** A way to a server that can go silent; each direction takes `eachWayMs` milliseconds, or what that says of each packet. */
export async function startStallingProxy(
  url: string,
  { eachWayMs = 0 }: { eachWayMs?: number | (() => number) } = {},
): Promise<StallingProxy> {
  const { hostname, port } = new URL(url);
  const near = new Set<Socket>();
  const far = new Set<Socket>();
  /** Server's ends of connections that a stall has taken: those are dead for good. */
  const lost = new WeakSet<Socket>();
  let stalled = false;

  // A vanished machine does not answer the end of a connection either, so neither half may end by itself.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    keep(client, near);
    if (stalled) {
      client.resume();
      return;
    }
    const upstream = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    keep(upstream, far);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      let before = Promise.resolve();
      // What was sent later never arrives sooner.
      const later = (act: () => void): void => {
        const arrived = delay(typeof eachWayMs === 'number' ? eachWayMs : eachWayMs());
        before = before.then(() => arrived).then(() => void (lost.has(upstream) || act()));
      };
      from.on('data', (data) => later(() => to.writable && to.write(data)));
      from.on('end', () => later(() => to.end()));
      from.on('close', () => later(() => to.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String((server.address() as AddressInfo).port);

  return {
    url: way.href,
    stall: () => {
      stalled = true;
      for (const socket of far) {
        lost.add(socket);
        socket.destroy();
      }
    },
    resume: () => {
      stalled = false;
    },
    cut: () => {
      for (const socket of near) socket.resetAndDestroy();
    },
    close: () => {
      for (const socket of [...near, ...far]) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function keep(socket: Socket, open: Set<Socket>): void {
  open.add(socket);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => open.delete(socket));
}
