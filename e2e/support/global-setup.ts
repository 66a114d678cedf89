import { findFreePort } from '../../scripts/postgres/server';
import { startThrowawayDatabase } from '../../scripts/postgres/throwaway';
import { announceRun } from './run';
import { clearLogs, searchLogs } from './search-logs';
import { logFolder, startApp } from './start-app';

/**
 * Starts, once per run, a throw-away PostgreSQL and the production build on it. All that the app prints goes to one
 * file, where tests read the texts. Out: what stops both, and fails where the log of any app of the run has what no log may have
 * (search-logs.ts).
 */
export default async function setUp(): Promise<() => Promise<void>> {
  clearLogs(logFolder);
  const database = await startThrowawayDatabase();
  try {
    const port = await findFreePort();
    const appUrl = `http://localhost:${port}`;
    const app = await startApp('server.log', { port, appUrl, databaseUrl: database.url });
    announceRun({ appUrl, databaseUrl: database.url, serverLog: app.serverLog });
    return async () => {
      await app.stop();
      await database.stop();
      searchLogs(logFolder);
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}
