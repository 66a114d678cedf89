import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../scripts/postgres/server';
import { publicTest } from '../support/public-test';
import { readRun } from '../support/run';
import { startApp } from '../support/start-app';
import { expect } from '../support/test';

const test = publicTest();

async function ask(port: number, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return { status: response.status, body: await response.text() };
}

const isReady = { status: 200, body: '{"status":"ok"}' };
const isStopping = { status: 503, body: '{"status":"unavailable","reason":"stopping"}' };

test('a public server that is told to stop is not ready, serves for five seconds, and then closes its port', async ({
  publicApp: { port, stop },
}) => {
  expect(await ask(port, '/api/ready')).toEqual(isReady);
  const toldAt = performance.now();
  const stopped = stop();
  await expect.poll(() => ask(port, '/api/ready'), { timeout: 2_000 }).toEqual(isStopping);
  while (performance.now() - toldAt < 4_500) {
    expect((await ask(port, '/users/login')).status).toBe(200);
    await delay(200);
  }
  await stopped;
  await expect(ask(port, '/api/ready')).rejects.toThrow('fetch failed');
});

test('on localhost it closes its port at once', async () => {
  const port = await findFreePort();
  const { databaseUrl } = readRun();
  const app = await startApp('local-server.log', { port, databaseUrl, appUrl: `http://localhost:${port}` });
  expect(await ask(port, '/api/ready')).toEqual(isReady);
  const toldAt = performance.now();
  await app.stop();
  expect(performance.now() - toldAt).toBeLessThan(5_000);
  await expect(ask(port, '/api/ready')).rejects.toThrow('fetch failed');
});
