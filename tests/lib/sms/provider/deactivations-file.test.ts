import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDeactivationsFile } from '@/lib/sms/provider/deactivations-file';

let server: Server;
let origin: string;
let asked: string[];
let answer: RequestListener;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url!);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** Reads what is at an address, where this server is the API, or given as it. */
async function read(url: string, apiBaseUrl: string | null = origin): Promise<string[]> {
  const numbers: string[] = [];
  for await (const batch of readDeactivationsFile(new URL(url), { apiBaseUrl })) numbers.push(...batch);
  return numbers;
}

/** `/3` leads to `/2`, and so on to `/0`, which is a file. */
const countDown: RequestListener = (request, response) => {
  const left = Number(request.url!.slice(1));
  if (left === 0) response.end('12125550100\n');
  else response.writeHead(302, { location: `/${left - 1}` }).end();
};

test('a file is followed by way of three redirects, and no more', async () => {
  answer = countDown;
  expect(await read(`${origin}/3`)).toEqual(['+12125550100']);
  await expect(read(`${origin}/4`)).rejects.toMatchObject({ code: 'TOO_MANY_REDIRECTS' });
  expect(asked).toEqual(['/3', '/2', '/1', '/0', '/4', '/3', '/2', '/1']);
});

test.each([
  ['http://files.example.com/list.txt', 'NO_HTTPS'],
  ['ftp://files.example.com/list.txt', 'NO_HTTPS'],
  ['https://127.0.0.1/list.txt', 'PRIVATE_ADDRESS'],
  ['https://0x7f.1/list.txt', 'PRIVATE_ADDRESS'],
  ['https://localhost/list.txt', 'PRIVATE_ADDRESS'],
  ['https://[::1]/list.txt', 'PRIVATE_ADDRESS'],
  ['https://[::ffff:10.0.0.1]/list.txt', 'PRIVATE_ADDRESS'],
  ['https://10.0.0.1/list.txt', 'PRIVATE_ADDRESS'],
  ['https://192.168.1.1/list.txt', 'PRIVATE_ADDRESS'],
  ['https://169.254.169.254/latest/meta-data', 'PRIVATE_ADDRESS'],
  ['https://[fd00::1]/list.txt', 'PRIVATE_ADDRESS'],
  ['//', 'BAD_REDIRECT'],
])('no file is read at %s (%s), also where a redirect leads there', async (location, code) => {
  answer = (_, response) => response.writeHead(307, { location }).end();
  await expect(read(`${origin}/`)).rejects.toMatchObject({ code });
  if (code !== 'BAD_REDIRECT') await expect(read(location)).rejects.toMatchObject({ code });
});

test('a server on this machine is read only where it is the API', async () => {
  answer = countDown;
  await expect(read(`${origin}/0`, null)).rejects.toMatchObject({ code: 'NO_HTTPS' });
  await expect(read(`${origin}/0`, 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 'NO_HTTPS' });
  await expect(read(`${origin.replace('http', 'https')}/0`)).rejects.toMatchObject({
    code: 'PRIVATE_ADDRESS',
  });
  expect(asked).toEqual([]);
  expect(await read(`${origin}/0`, `${origin}/api`)).toEqual(['+12125550100']);
});

test('a file that was packed by gzip is read, and one that breaks off is none', async () => {
  const packed = gzipSync('12125550100\n12125550101\n');
  answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
  expect(await read(`${origin}/`)).toEqual(['+12125550100', '+12125550101']);
  answer = (_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed.subarray(0, packed.length - 6));
  await expect(read(`${origin}/`)).rejects.toMatchObject({ code: 'Z_BUF_ERROR' });
});
