import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';

/** It takes half a second. */
const patienceMs = 10_000;

/**
 * Lets a server that listens take up to `times` more connections in each turn of the event loop. Node takes one from each listening
 * socket (libuv 1.46 and later), and a turn is 10 to 30 ms while pages are made. So one client that opens a few hundred connections a
 * second filled the system's queue, which knows no networks, and everyone else's new connection waited for seconds; what takes turns
 * by network (gate.ts) never saw them. So the same socket is listened to many times over: a process gets a descriptor of its own
 * for each time that it is sent a socket, and a helper sends ours back. Where no helper can be started there is one, as before.
 *
 * Out: how to listen no more; resolves when the connections that came this way are closed.
 */
export async function acceptMany(server: Server, times: number): Promise<{ close(): Promise<unknown> }> {
  const others: Server[] = [];
  if (times > 0) {
    const helper = fork(fileURLToPath(new URL('send-back.mjs', import.meta.url)), [], { execArgv: [] });
    helper.on('message', (_word, socketOfItsOwn) => {
      const other = createServer({ allowHalfOpen: true, noDelay: true });
      other.on('connection', (socket) => server.emit('connection', socket));
      // One that cannot be listened to is one less.
      other.on('error', () => undefined);
      other.listen(socketOfItsOwn);
      others.push(other);
    });
    helper.on('error', () => undefined);
    const patience = setTimeout(() => helper.kill('SIGKILL'), patienceMs);
    // Sent as a server, it would be listened to by the helper as well, which would take connections with it.
    helper.send(times, (server as unknown as { _handle: Server })._handle);
    await once(helper, 'disconnect').catch(() => undefined);
    clearTimeout(patience);
  }
  return {
    close: () => Promise.all(others.map((other) => new Promise((resolve) => other.close(resolve)))),
  };
}
