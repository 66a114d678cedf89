import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../scripts/postgres/server';
import { readRows } from '../support/database';
import { register } from '../support/journeys';
import { announceRun, readRun } from '../support/run';
import { startApp } from '../support/start-app';
import { expect, test as base } from '../support/test';

const ahead = fileURLToPath(new URL('../../tests/faults/clock-ahead.mjs', import.meta.url));

/** The production build once more, on the same database and on a machine whose clock is an hour ahead. */
const test = base.extend<object, { hurried: string }>({
  hurried: [
    async ({}, use) => {
      const port = await findFreePort();
      const appUrl = `http://localhost:${port}`;
      const { databaseUrl } = readRun();
      const variables = { NODE_OPTIONS: `--import=${ahead}`, CLOCK_AHEAD_MS: '3600000' };
      const app = await startApp('clock-ahead.log', { port, appUrl, databaseUrl, variables });
      announceRun({ appUrl, databaseUrl, serverLog: app.serverLog });
      await use(appUrl);
      await app.stop();
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  baseURL: async ({ hurried }, use) => use(hurried),
});

test('a web server whose clock is an hour ahead writes the moments that the database has, and warns', async ({
  page,
}) => {
  const { email } = await register(page);
  const rows = await readRows<{ moment: string; seconds: number }>(
    `with person as (select id, created_at from users where email = $1)
     select 'account' as moment, extract(epoch from created_at - clock_timestamp())::float8 as seconds from person
     union all
     select 'session', extract(epoch from s.created_at - clock_timestamp())::float8
     from sessions s join person on person.id = s.user_id`,
    [email],
  );
  expect(rows.map(({ moment }) => moment).sort()).toEqual(['account', 'session']);
  for (const { seconds } of rows) expect(Math.abs(seconds)).toBeLessThan(60);
  const warnings = readFileSync(readRun().serverLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes('clock_skew'));
  // The web server's and the worker's.
  expect(warnings).toHaveLength(2);
});
