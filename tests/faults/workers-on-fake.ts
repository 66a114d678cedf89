import { afterEach, beforeEach } from 'vitest';
import { useDatabase, type TestDatabase } from '../support/database';
import { startFakeTwilio, type FakeTwilio } from '../support/fake-twilio';
import { accountSid, authToken, twilioVariables } from '../support/texts';
import { killWorkers, startWorker, type WorkerProcess } from './worker-process';

/** A database for the file, and a fake Twilio for each test. The fake can be read once the test's `beforeEach` has run. */
export type WorkersOnFake = {
  readonly database: TestDatabase;
  readonly fake: FakeTwilio;
  /** Starts a worker on both; resolves when it is at work. In: further settings, which come before those of every test. */
  start: (variables?: Record<string, string>) => Promise<WorkerProcess>;
};

/** Gives the calling test file a database, and each of its tests a fake Twilio and workers, which end with the test. */
export function useWorkers(): WorkersOnFake {
  const database = useDatabase();
  const opened: { fake?: FakeTwilio } = {};
  const fake = (): FakeTwilio => {
    if (!opened.fake) throw new Error('the fake exists only once beforeEach has run');
    return opened.fake;
  };
  beforeEach(async () => {
    opened.fake = await startFakeTwilio({ accountSid, authToken });
  });
  afterEach(async () => {
    await killWorkers();
    await fake().stop();
  });
  return {
    database,
    get fake() {
      return fake();
    },
    start: (variables = {}) =>
      startWorker({
        ...twilioVariables(fake().url),
        DATABASE_URL: database.url,
        AUTH_SECRET: process.env.AUTH_SECRET!,
        ...variables,
      }),
  };
}
