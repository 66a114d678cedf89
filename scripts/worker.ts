import { exitWith } from './start-problem';

/** Runs the message dispatcher until a signal, or until the launcher that started it is gone; then finishes its work. */
async function runWorker(): Promise<void> {
  // Listened for from the first moment: a launcher can be killed while we are still loading.
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    process.on('disconnect', resolve);
  });
  // Alone (`npm run worker`) there is no launcher that has settled the environment already.
  if (!process.argv.includes('--launched')) await (await import('./with-database')).useRunningDatabase();
  const [{ runDispatcher }, { runHousekeeping }, { closeDb }] = await Promise.all([
    import('@/lib/sms/dispatch'),
    import('@/lib/housekeeping'),
    import('@/db/client'),
  ]);
  const dispatcher = runDispatcher({ log: (line) => console.log(line) });
  const housekeeping = runHousekeeping();

  // Keeps the process alive whatever the dispatcher itself holds on to.
  setInterval(() => undefined, 2 ** 30);
  await asked;
  await Promise.all([dispatcher.stop(), housekeeping.stop()]);
  await closeDb();
  process.exit(0);
}

await runWorker().catch(exitWith);
