import { startPublicApp, type PublicApp } from './public-app';
import { test as base } from './test';

/**
 * Tests whose pages are of the app in public (`startPublicApp`), with these variables besides; it is started once for a worker, and is
 * the run of that worker.
 */
export function publicTest(variables: Record<string, string> = {}) {
  return base.extend<object, { publicApp: PublicApp }>({
    publicApp: [
      async ({}, use) => {
        const app = await startPublicApp(variables);
        await use(app);
        await app.stop();
      },
      { scope: 'worker', timeout: 60_000 },
    ],
    launchOptions: [
      async ({ launchOptions, publicApp: { host, proxy } }, use) => {
        const args = [
          `--host-resolver-rules=MAP ${host}:443 127.0.0.1:${proxy.port}`,
          // The one that a machine may have for the Internet knows nothing of this name.
          '--no-proxy-server',
        ];
        await use({ ...launchOptions, args: [...(launchOptions.args ?? []), ...args] });
      },
      { scope: 'worker' },
    ],
    baseURL: async ({ publicApp }, use) => use(publicApp.origin),
  });
}
