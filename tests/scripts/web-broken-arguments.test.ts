import { expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { makeBrokenArguments } from '../../scripts/web/broken-arguments';
import { writePlainly } from '../../scripts/web/plain-console';
import { serveWeb } from '../../scripts/web/serve';

const next = 'node_modules/next/dist/compiled/next-server/webpack:/next';
const react = `${next}/dist/compiled/react-server-dom-turbopack/cjs/react-server-dom-turbopack-server.node.production.js`;
const action = `${next}/src/server/app-render/action-handler.ts`;

/** An error as Next prints it, by the frames of its stack. */
function makeError(...frames: string[]): Error {
  const error = new SyntaxError('broken');
  error.stack = [`SyntaxError: broken`, ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

/** What a request is answered, and what the log says, where Next prints this error and answers 500. */
async function ask(
  method: 'GET' | 'POST',
  errors: readonly Error[],
): Promise<{ status: number; lines: string[] }> {
  const lines: string[] = [];
  const log = openLog({
    level: 'info',
    write: (line) => lines.push(line.replace(/^\S+ | request=\S+/g, '')),
  });
  const printed: Pick<Console, 'error' | 'warn'> = { error: () => undefined, warn: () => undefined };
  const brokenArguments = makeBrokenArguments();
  writePlainly(printed, log, 'web', brokenArguments.isOne);
  const appUrl = new URL('http://localhost:3000');
  const server = await serveWeb({
    appUrl,
    port: 0,
    brokenArguments,
    log: () => log,
    follow: () => 'one',
    handle: async (_, response) => {
      for (const error of errors) printed.error('⨯', error);
      response.statusCode = 500;
      response.end();
    },
  });
  try {
    const { status } = await fetch(`http://127.0.0.1:${server.port}/users/login`, {
      method,
      ...(method === 'POST' ? { body: 'x' } : {}),
    });
    return { status, lines };
  } finally {
    await server.close(100);
  }
}

test.each([
  ['JSON.parse (<anonymous>)', `tI (${react}:2900:25)`, `tg.value [as then] (${react}:2790:9)`],
  [
    `t1 (${action}:1476:12)`,
    `${action}:1299:17`,
    'process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
  ],
  [`new e.exports (${next}/dist/compiled/busboy/index.js:1:3561)`],
  ['node:internal/deps/undici/undici:5817:27', 'async Promise.all (index 1)', `async t0 (${action}:1130:9)`],
])('arguments that Next cannot read are answered 400, and counted in one line: %s', async (...frames) => {
  const error = makeError(...frames);
  expect(await ask('POST', [error, error])).toEqual({
    status: 400,
    lines: ['warn requests_refused broken=1 networks=1'],
  });
});

test.each([
  ['POST', ['readField (app/_forms/read-form.ts:3:5)', `t1 (${action}:1484:14)`]],
  ['POST', [`e (${react}:2900:25)`, 'RegisterPage (app/users/register/page.tsx:9:1)']],
  ['POST', [`e (${next}/src/server/app-render/app-render.tsx:9:1)`]],
  ['GET', ['JSON.parse (<anonymous>)', `tI (${react}:2900:25)`]],
] as const)(
  'what fails in our code, or where nothing was sent, is an error as before: %s %j',
  async (method, frames) => {
    const { status, lines } = await ask(method, [makeError(...frames)]);
    expect(status).toBe(500);
    expect(lines).toEqual([expect.stringMatching(/^error web_error error="SyntaxError: broken" at=/)]);
  },
);
