// The web server's process. Next is loaded by plain Node: only our own TypeScript goes through tsx, so that nothing of
// its hooks reaches into how Next loads its build.
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import next from 'next';
import { tsImport } from 'tsx/esm/api';

// Whoever read what we print may be gone: ending in order matters more than the lines that nobody sees.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const dir = fileURLToPath(new URL('..', import.meta.url));
const dev = process.env.NODE_ENV !== 'production';
const appUrl = new URL(process.env.APP_URL ?? 'http://localhost');
const port = Number(process.env.PORT);

/** @type {typeof import('./web/serve.ts')} */
const { serveWeb } = await tsImport('./web/serve.ts', import.meta.url);
/** @type {typeof import('../lib/env.ts')} */
const { env, isLoopbackHostname } = await tsImport('../lib/env.ts', import.meta.url);
/** @type {typeof import('../lib/log.ts')} */
const { openLog } = await tsImport('../lib/log.ts', import.meta.url);
/** @type {typeof import('./web/request-log.ts')} */
const { makeRequestLog } = await tsImport('./web/request-log.ts', import.meta.url);
/** @type {typeof import('./web/signed-call.ts')} */
const { findKnownBrowser } = await tsImport('./web/known-browser-form.ts', import.meta.url);
const { isSignedCall } = await tsImport('./web/signed-call.ts', import.meta.url);
/** @type {typeof import('./web/route-names.ts')} */
const { makeRouteNames, readRoutes } = await tsImport('./web/route-names.ts', import.meta.url);

// After an action's redirect Next fetches the next page from itself, with the visitor's cookies. Left alone it would do so
// at APP_URL's host and our inner port, which from here is anyone or nobody; its own starter sets this too.
// So does a form that is sent from another page than its own.
process.env.__NEXT_PRIVATE_ORIGIN = `http://127.0.0.1:${port}`;

// Never listens: Next hangs its upgrade handler on it, and only upgrades that our listener lets through reach it.
const upgrades = createServer();
const app = next({ dev, dir, port, hostname: appUrl.hostname, httpServer: upgrades });
/** @type {Awaited<ReturnType<typeof serveWeb>> | undefined} */
let server;
let stopping = false;

// Listened for from the first moment: the launcher can be killed while Next is still loading.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop());
process.on('disconnect', () => void stop());
if (process.argv.includes('--launched') && !process.connected) process.exit(0);

/** @type {typeof import('./web/broken-arguments.ts')} */
const { makeBrokenArguments } = await tsImport('./web/broken-arguments.ts', import.meta.url);
const brokenArguments = makeBrokenArguments();

if (!dev) {
  /** @type {typeof import('./web/plain-console.ts')} */
  const { writePlainly } = await tsImport('./web/plain-console.ts', import.meta.url);
  writePlainly(console, openLog(), 'web', brokenArguments.isOne);
  // For one web server of a few hundred requests a second: V8 would let the heap grow to several times what lives in it, on a machine
  // with much memory, and Node would keep the maps of all of Next's build in it (source-frame.ts reads the one that it needs).
  setFlagsFromString('--heap-growing-percent=30');
  process.setSourceMapsEnabled(false);
}

try {
  await app.prepare();
  // A signal may have come meanwhile.
  if (!stopping) {
    const handle = app.getRequestHandler();
    server = await serveWeb({
      appUrl,
      port,
      trustedProxyHops: env().trustedProxyHops,
      isSigned: isSignedCall,
      findKnown: findKnownBrowser,
      acceptsAtOnce: dev ? 1 : 128,
      brokenArguments,
      handle: (request, response) => handle(request, response),
      follow: makeRequestLog({
        routeOf: makeRouteNames(readRoutes(fileURLToPath(new URL('../app', import.meta.url)))),
        trustsProxy: env().trustedProxyHops > 0,
        log: openLog,
      }),
      ...(dev
        ? {
            handleUpgrade: (request, socket, head) => {
              if (!upgrades.emit('upgrade', request, socket, head)) socket.destroy();
            },
          }
        : {}),
    });
    if (process.connected) process.send?.({ ready: true });
  }
} catch (error) {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    process.stderr.write(
      `Port ${port} is taken: stop the program that uses it, or set PORT to another one.\n`,
    );
  } else console.error(error);
  process.exit(1);
}

/** Answers what is in progress, then ends; a lost launcher is as good as a signal. */
async function stop() {
  if (stopping) return;
  stopping = true;
  server?.announceEnd();
  // Load balancers ask every few seconds, and send requests here until they have asked.
  if (server && !isLoopbackHostname(appUrl.hostname)) await delay(5_000);
  await server?.close(10_000);
  await app.close().catch(() => undefined);
  process.exit(0);
}
