import { readCommandLine } from './command-line';
import { exitWith } from './start-problem';

/** A round takes milliseconds, and a statement that the database does not answer is given up after 16 seconds. */
const patienceMs = 90_000;

/**
 * Runs the message dispatcher, what is told to the provider and read from its lists, the mailer, what decides about news of applications, what makes moves in bulk and counts what they would lead to, what writes files for admins, the checks for
 * alarms, and the housekeeping until a signal, or until the launcher that started it is gone;
 * then finishes its work.
 */
async function runWorker(): Promise<void> {
  const isLaunched = process.argv.includes('--launched');
  if (!isLaunched) {
    readCommandLine(process.argv.slice(2), {
      usage: 'npm run worker',
      about:
        'Runs one more message dispatcher, alone, until a signal. It needs a database that is migrated and running,\n' +
        'and the settings of the others. Nobody starts it again when it ends.',
    });
  }
  // Listened for from the first moment: a launcher can be killed while we are still loading.
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    process.on('disconnect', resolve);
  });
  // Alone (`npm run worker`) there is no launcher that has settled the environment already.
  if (!isLaunched) await (await import('./with-database')).useRunningDatabase();
  const [
    { runDispatcher },
    { runHousekeeping },
    { runMissedTexts },
    { runDeactivations },
    { runEnteredCodes },
    { runMailer },
    { runRecoveries },
    { runNotices },
    { runBulkMoves },
    { runForecasts },
    { runExports },
    { runAlarms },
    { takeTextAnswer },
    { db, closeDb, workerPool },
    { keepDatabaseClock },
    { openLog },
    { shareCounts },
    { makeWatchdog },
    { writePlainly },
  ] = await Promise.all([
    import('@/lib/sms/dispatch/dispatch'),
    import('@/lib/housekeeping'),
    import('@/lib/sms/inbound/missed-inbound'),
    import('@/lib/sms/delivery/read-deactivations'),
    import('@/lib/sms/delivery/report-entered-codes'),
    import('@/lib/mail/deliver'),
    import('@/lib/sms/verification/send-recovery-codes'),
    import('@/lib/applications/run-notices'),
    import('@/lib/bulk/run-bulk-moves'),
    import('@/lib/bulk/run-forecasts'),
    import('@/lib/exports/run-exports'),
    import('@/lib/alarms/run-alarms'),
    import('@/lib/applications/take-text-answer'),
    import('@/db/client'),
    import('@/db/clock'),
    import('@/lib/log'),
    import('@/lib/metrics/share-counts'),
    import('@/lib/watchdog'),
    import('./web/plain-console'),
  ]);
  const log = (line: string) => console.log(line);
  if (process.env.NODE_ENV === 'production') writePlainly(console, openLog({ write: log }), 'worker');
  const watchdog = makeWatchdog({
    patienceMs,
    onStuck: () => {
      openLog({ write: log }).error('dispatcher_stuck', { patienceMs });
      process.exit(1);
    },
  });
  await keepDatabaseClock(db(workerPool), {
    onSkew: (aheadMs) => openLog({ write: log }).warn('clock_skew', { aheadMs }),
  });
  const dispatcher = runDispatcher({ log, beat: watchdog.beat });
  const housekeeping = runHousekeeping();
  const missedTexts = runMissedTexts({ log, takeAnswer: takeTextAnswer });
  const deactivations = runDeactivations({ log });
  const enteredCodes = runEnteredCodes({ log });
  const mailer = runMailer({ log });
  const recoveries = runRecoveries({ log });
  const notices = runNotices({ log });
  const bulkMoves = runBulkMoves({ log });
  const forecasts = runForecasts({ log });
  const exports = runExports({ log });
  const alarms = runAlarms({ log });
  const counts = shareCounts({ db, log: openLog });

  // Keeps the process alive whatever the dispatcher itself holds on to.
  setInterval(() => undefined, 2 ** 30);
  await asked;
  watchdog.stop();
  await Promise.all(
    [
      ...[alarms, notices, bulkMoves, dispatcher, housekeeping, missedTexts, deactivations, enteredCodes],
      ...[mailer, recoveries, exports, forecasts],
    ].map((each) => each.stop()),
  );
  await counts.stop();
  await closeDb();
  process.exit(0);
}

await runWorker().catch(exitWith);
