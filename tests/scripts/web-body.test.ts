import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { makeBodyRooms } from '../../scripts/web/body-room';
import { discardRest } from '../../scripts/web/discard-rest';
import { readBody } from '../../scripts/web/read-body';

const wide = makeBodyRooms({ bytes: 1_000_000, bytesPerNetwork: 1_000_000 });

/** Sends a request in pieces. Out: what became of its body. */
async function send(
  pieces: readonly string[],
  { withinMs = 5_000, room = wide('a'), end = false, mostBytes = 10 } = {},
): Promise<{ verdict: string; read: string }> {
  const server = createServer();
  const done = new Promise<{ verdict: string; read: string }>((resolve) => {
    server.on('request', (received) => {
      void readBody(received, { mostBytes, withinMs, room }).then(({ verdict, read }) =>
        resolve({ verdict, read: read.toString() }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  for (const piece of ['POST / HTTP/1.1\r\nHost: x\r\n', ...pieces]) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (end) socket.destroy();
  const became = await done;
  socket.destroy();
  server.close();
  return became;
}

describe('a body is', () => {
  const tenOf = 'Content-Length: 10\r\n\r\n';
  const chunked = 'Transfer-Encoding: chunked\r\n\r\n';

  test.each([
    ['with its length', [tenOf, '01234', '56789']],
    ['in chunks', [chunked, '5\r\n01234\r\n', '5\r\n56789\r\n0\r\n\r\n']],
  ])('whole when all of it has come, %s', async (_, pieces) => {
    expect(await send(pieces)).toEqual({ verdict: 'whole', read: '0123456789' });
  });

  test('whole when there is nothing in it', async () => {
    expect(await send([chunked, '0\r\n\r\n'])).toEqual({ verdict: 'whole', read: '' });
  });

  test('too large as soon as a byte more than the most has come', async () => {
    const { verdict, read } = await send([chunked, '8\r\n01234567\r\n', '8\r\n01234567\r\n']);
    expect([verdict, read]).toEqual(['too_large', '0123456701234567']);
  });

  test('too slow when it has not come in time, however far it got', async () => {
    expect(await send([tenOf, '0', '1'], { withinMs: 100 })).toEqual({ verdict: 'too_slow', read: '01' });
  });

  test('cut when its connection ends first', async () => {
    expect(await send([tenOf, '0123'], { end: true })).toEqual({ verdict: 'cut', read: '0123' });
  });

  test('without room when its network has too much on the way', async () => {
    // Each piece takes 256 bytes beside its own.
    const open = makeBodyRooms({ bytes: 10_000, bytesPerNetwork: 600 });
    open('a').grow(400);
    expect((await send([tenOf, '01234'], { room: open('a') })).verdict).toBe('no_room');
    expect((await send([tenOf, '01234', '56789'], { room: open('b') })).verdict).toBe('whole');
  });

  test('without room, too, when it has to make room for another network', async () => {
    const open = makeBodyRooms({ bytes: 300, bytesPerNetwork: 300 });
    const sent = send([tenOf, '012345'], { room: open('a') });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(open('b').grow(100)).toBe(true);
    expect(await sent).toEqual({ verdict: 'no_room', read: '012345' });
  });
});

describe('a body in chunks of one byte', () => {
  const chunks = (count: number) => '1\r\nx\r\n'.repeat(count);

  test('has its connection closed after so many, however few bytes they are', async () => {
    const room = makeBodyRooms({ bytes: 10_000_000, bytesPerNetwork: 10_000_000 })('a');
    const sent = ['Transfer-Encoding: chunked\r\n\r\n', chunks(2_000)];
    const { verdict, read } = await send(sent, { room, mostBytes: 32 * 1024 });
    expect(verdict).toBe('cut');
    expect(read.length).toBeLessThan(400);
  });

  test('takes the room of its pieces and not of its bytes', async () => {
    const room = makeBodyRooms({ bytes: 10_000, bytesPerNetwork: 10_000 })('a');
    const sent = ['Transfer-Encoding: chunked\r\n\r\n', chunks(100)];
    const { verdict, read } = await send(sent, { room, mostBytes: 32 * 1024 });
    expect(verdict).toBe('no_room');
    expect(read.length).toBeLessThan(40);
  });

  test('that nobody wants is read for so many pieces, and then no more', async () => {
    let pieces = 0;
    const server = createServer();
    const enough = new Promise<void>((resolve) => {
      server.on('request', (received) => {
        received.on('data', () => (pieces += 1));
        discardRest(received, resolve);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(chunks(200_000));
    await enough;
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What one read of the connection brought comes in full: 64 KB of chunks.
    expect(pieces).toBeLessThan(2_000 + 20_000);
    socket.destroy();
    server.close();
  });
});

describe('memory for bodies', () => {
  test('is never more than its bound, and who has the most makes room for who has less', async () => {
    const open = makeBodyRooms({ bytes: 100, bytesPerNetwork: 60 });
    const [first, last] = [open('many'), open('many')];
    expect([first.grow(30), last.grow(30), open('many').grow(1)]).toEqual([true, true, false]);
    const few = open('few');
    expect([few.grow(40), few.grow(10)]).toEqual([true, true]);
    await last.lost;
    expect([last.grow(1), first.grow(10), few.grow(10)]).toEqual([false, true, true]);
    // Now it has the most itself.
    expect(few.grow(1)).toBe(false);
  });

  test('is free again when a body is kept no longer, once and not twice', () => {
    const open = makeBodyRooms({ bytes: 10, bytesPerNetwork: 10 });
    const one = open('a');
    const two = open('a');
    expect([one.grow(5), two.grow(5)]).toEqual([true, true]);
    one.close();
    one.close();
    expect([open('a').grow(5), open('a').grow(1)]).toEqual([true, false]);
  });
});
