import { findFreePort } from '../../scripts/postgres/server';
import { startThrowawayDatabase } from '../../scripts/postgres/throwaway';
import { announceRun } from './run';
import { startApp } from './start-app';

/**
 * Starts, once per run, a throw-away PostgreSQL and the production build on it. All that the app prints goes to one
 * file, where tests read the texts. Out: what stops both.
 */
export default async function setUp(): Promise<() => Promise<void>> {
  const database = await startThrowawayDatabase();
  try {
    const port = await findFreePort();
    const appUrl = `http://localhost:${port}`;
    const app = await startApp('server.log', { port, appUrl, databaseUrl: database.url });
    announceRun({ appUrl, databaseUrl: database.url, serverLog: app.serverLog });
    return async () => {
      await app.stop();
      await database.stop();
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}
