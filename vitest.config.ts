import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '') } },
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    watch: false,
    // Node alone does not find `next/headers` by the name that it imports.
    server: { deps: { inline: ['next-auth'] } },
    // Hashing passwords takes its time, more so on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    allowOnly: false,
    // Settings are read from the environment once; a test's database is its own, so nothing may reach this one.
    env: {
      // What a public APP_URL asks for; the tests have no proxy in front.
      TRUSTED_PROXY_HOPS: '0',
      AUTH_SECRET: 'a-secret-of-tests-and-nothing-else',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    },
  },
});
