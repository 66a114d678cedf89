import { once } from 'node:events';
import { get, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { serveWeb, type WebServer } from '../../scripts/web/serve';

const serve = (
  acceptsAtOnce: number,
  handle: (response: ServerResponse) => void,
  follow: () => void = () => undefined,
): Promise<WebServer> =>
  serveWeb({
    appUrl: new URL('http://localhost'),
    port: 0,
    handle: (_, response) => handle(response),
    follow: () => {
      follow();
      return 'an id';
    },
    acceptsAtOnce,
  });

/** Stands still for so long, as a page does that is being made. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** How many turns of the event loop it takes until so many connections, opened while it stood still, are there. */
async function countTurns(web: WebServer, arrivals: () => number, many: number): Promise<number> {
  const sockets = Array.from({ length: many }, () => connect(web.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  let turns = 0;
  while (arrivals() < many && turns < 10 * many) {
    work(2);
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }
  for (const socket of sockets) socket.destroy();
  return turns;
}

test('many connections are taken in one turn of the event loop', async () => {
  let arrived = 0;
  const web = await serve(32, (response) => {
    arrived += 1;
    response.end();
  });
  expect(await countTurns(web, () => arrived, 200)).toBeLessThan(100);
  await web.close(0);
});

test('what came over any of them is answered before the server is closed, which takes no more', async () => {
  const waiting: ServerResponse[] = [];
  let arrived = 0;
  const web = await serve(
    8,
    (response) => waiting.push(response),
    () => (arrived += 1),
  );
  const answers = Array.from({ length: 30 }, async () => {
    const [answer] = (await once(
      get({ port: web.port, host: '127.0.0.1', agent: false, headers: { host: 'localhost' } }),
      'response',
    )) as [{ statusCode: number; resume(): void }];
    answer.resume();
    return answer.statusCode;
  });
  while (arrived < answers.length) await new Promise((resolve) => setImmediate(resolve));
  let isClosed = false;
  const closed = web.close(60_000).then(() => (isClosed = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isClosed).toBe(false);
  const done = setInterval(() => waiting.splice(0).forEach((response) => response.end('done')), 10);
  expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
  await closed;
  clearInterval(done);
  const refused = connect(web.port, '127.0.0.1');
  await expect(once(refused, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
