import { db as openDb, type Db } from '@/db/client';
import { env as readEnv, type Env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { runRounds, type Rounds } from '@/lib/rounds';
import { checkAlarms } from './check-alarms';
import { deliverAlerts } from './deliver-alerts';

/** Whether it is time for a round, or for an alert, is asked this often. */
const everyMs = 5_000;

/**
 * Checks once a minute what alarms are about, and tells ALERT_WEBHOOK_URL, until stopped. Any number of processes may run it: of
 * them one does each round. `stop()` begins nothing more and resolves when what is under way is done.
 */
export function runAlarms(
  options: { db?: Db; env?: Env; log?: (line: string) => void; everyMs?: number } = {},
): Rounds {
  const env = options.env ?? readEnv();
  const log = openLog({ level: env.logLevel, write: options.log });
  const { alertWebhook } = env;
  const running = [repeat((db) => checkAlarms({ db, env, log }))];
  if (alertWebhook !== null) {
    running.push(
      repeat(async (db, signal) => {
        while (!signal.aborted && (await deliverAlerts(db, alertWebhook, log)) > 0);
      }),
    );
  }

  function repeat(round: (db: Db, signal: AbortSignal) => Promise<unknown>): Rounds {
    const pauseMs = options.everyMs ?? everyMs;
    return runRounds(
      async (signal) => {
        await round(options.db ?? openDb(), signal);
        return pauseMs;
      },
      { everyMs: pauseMs, onFault: (error) => log.warn('alarms_round_failed', { error }) },
    );
  }

  return {
    stop: async () => {
      await Promise.all(running.map((each) => each.stop()));
    },
  };
}
