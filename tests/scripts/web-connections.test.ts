import { EventEmitter, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { makeConnections } from '../../scripts/web/connections';
import { serveWeb } from '../../scripts/web/serve';

class FakeSocket extends EventEmitter {
  destroyed = false;
  destroy() {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}

function openConnections(most: number) {
  const closed: string[] = [];
  const connections = makeConnections({ most, note: (network) => closed.push(network) });
  return {
    closed,
    open: (network: string): FakeSocket => {
      const socket = new FakeSocket();
      connections.open(socket as unknown as Socket, network);
      return socket;
    },
    use: (socket: FakeSocket): (() => void) => {
      const response = new EventEmitter();
      connections.use({ socket } as unknown as IncomingMessage, response as unknown as ServerResponse);
      return () => response.emit('close');
    },
  };
}

describe('where there are more connections than may be', () => {
  test('the network with the most loses the one that has been idle the longest', () => {
    const { open, use, closed } = openConnections(5);
    const person = open('person');
    const flood = [open('flood'), open('flood'), open('flood')];
    use(flood[0]!)();
    const other = open('other');
    expect(closed).toEqual([]);
    const late = open('late');
    expect(closed).toEqual(['flood']);
    // The first of the flood has been used since.
    expect(flood.map(({ destroyed }) => destroyed)).toEqual([false, true, false]);
    expect([person, other, late].some(({ destroyed }) => destroyed)).toBe(false);
  });

  test('one with a request stays while another of its network is idle, also with a second request behind it', () => {
    const { open, use } = openConnections(2);
    const busy = open('flood');
    const first = use(busy);
    use(busy);
    first();
    const idle = open('flood');
    open('person');
    expect([busy.destroyed, idle.destroyed]).toEqual([false, true]);
  });

  test('and all of the largest network are busy, it loses its last', () => {
    const { open, use } = openConnections(3);
    const flood = [open('flood'), open('flood')];
    for (const socket of flood) use(socket);
    const person = open('person');
    const late = open('late');
    expect(flood.map(({ destroyed }) => destroyed)).toEqual([false, true]);
    expect([person.destroyed, late.destroyed]).toEqual([false, false]);
  });

  test('ten thousand random steps never leave more, and never close one of a network that has fewer than another', () => {
    const most = 20;
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const live = new Map<FakeSocket, string>();
    const sizeOf = (network: string) => [...live.values()].filter((name) => name === network).length;
    let opening: string | null = null;
    const connections = makeConnections({
      most,
      note: (network) => {
        const sizes = ['a', 'b', 'c', 'd', 'e'].map((name) => sizeOf(name) + (name === opening ? 1 : 0));
        expect(sizeOf(network) + (network === opening ? 1 : 0)).toBe(Math.max(...sizes));
      },
    });
    for (let step = 0; step < 10_000; step += 1) {
      const all = [...live.keys()];
      const any = all[random(Math.max(1, all.length))];
      const what = random(10);
      if (what < 6 || any === undefined) {
        const socket = new FakeSocket();
        opening = ['a', 'b', 'c', 'd', 'e'][random(5) % (1 + random(5))]!;
        socket.once('close', () => live.delete(socket));
        connections.open(socket as unknown as Socket, opening);
        if (!socket.destroyed) live.set(socket, opening);
        opening = null;
      } else if (what < 8) {
        const response = new EventEmitter();
        connections.use({ socket: any } as unknown as IncomingMessage, response as unknown as ServerResponse);
        if (random(2) === 0) response.emit('close');
      } else any.destroy();
      expect(live.size).toBeLessThanOrEqual(most);
    }
  });
});

test('connections that say nothing keep nobody out', async () => {
  const log: string[] = [];
  const web = await serveWeb({
    appUrl: new URL('http://localhost:3000'),
    port: 0,
    mostConnections: 10,
    handle: (_request, response) => response.end('a page'),
    log: () => ({ warn: (event: string) => log.push(event) }) as never,
  });
  const silent = Array.from({ length: 40 }, () =>
    connect(web.port, '127.0.0.1').on('error', () => undefined),
  );
  await Promise.all(silent.slice(0, 30).map((socket) => once(socket, 'close')));
  const answer = await fetch(`http://127.0.0.1:${web.port}/`);
  expect(await answer.text()).toBe('a page');
  expect(silent.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(10);
  for (const socket of silent) socket.destroy();
  await web.close(0);
  expect(log).toEqual(['requests_refused']);
});

test('of thousands of requests that came in one piece only those are followed that came before the one that closed it', async () => {
  let followed = 0;
  const web = await serveWeb({
    appUrl: new URL('http://localhost'),
    port: 0,
    // The first is never answered, so the second waits and the third closes the connection.
    handle: () => undefined,
    follow: () => String((followed += 1)),
  });
  const socket = connect(web.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1_500));
  await once(socket, 'close');
  expect(followed).toBe(3);
  await web.close(0);
});
