import { setTimeout as delay } from 'node:timers/promises';
import { db as openDb, type Db } from '@/db/client';
import { env as readEnv, type Env } from '@/lib/env';
import { openLog } from '@/lib/log';
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
): { stop(): Promise<void> } {
  const env = options.env ?? readEnv();
  const log = openLog({ level: env.logLevel, write: options.log });
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = Promise.all([repeat(check), env.alertWebhook === null ? null : repeat(tell)]);

  async function check(db: Db): Promise<void> {
    await checkAlarms({ db, env, log });
  }

  async function tell(db: Db): Promise<void> {
    if (env.alertWebhook === null) return;
    while (!signal.aborted && (await deliverAlerts(db, env.alertWebhook, log)) > 0);
  }

  async function repeat(round: (db: Db) => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await round(options.db ?? openDb());
      } catch (error) {
        // The database may be restarting; what is due stays due.
        log.warn('alarms_round_failed', { error });
      }
      await delay(options.everyMs ?? everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
