/** The run that a test belongs to: where the app answers, the database behind it, and the file with all it printed. */
export type Run = { appUrl: string; databaseUrl: string; serverLog: string };

const names = {
  appUrl: 'E2E_APP_URL',
  databaseUrl: 'E2E_DATABASE_URL',
  serverLog: 'E2E_SERVER_LOG',
} as const satisfies Record<keyof Run, string>;

/** Tells the processes of the tests about the run; they inherit the environment. */
export function announceRun(run: Run): void {
  for (const key of Object.keys(names) as (keyof Run)[]) process.env[names[key]] = run[key];
}

/** What `announceRun` told. */
export function readRun(): Run {
  const read = (key: keyof Run): string => {
    const value = process.env[names[key]];
    if (!value)
      throw new Error(`${names[key]} is not set: the browser tests are started by "playwright test".`);
    return value;
  };
  return { appUrl: read('appUrl'), databaseUrl: read('databaseUrl'), serverLog: read('serverLog') };
}
