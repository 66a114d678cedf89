import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { oneMore } from '@/db/one-more';
import type { AlertWebhook } from '@/lib/env';
import type { Log } from '@/lib/log';
import { newId } from '@/lib/random';
import { signAlert } from './alert-body';

/** Until then nobody else sends an alert whose sender died: longer than a call may take. */
const leaseSeconds = 60;

/** No lease is this long, and nothing is put off for so long: what says so was written by a clock that was wrong. */
const farAheadSeconds = 3 * 3600;

const answerTimeoutMs = 10_000;

/** The pause after the first failure; it doubles up to the longest. */
const firstPauseSeconds = 30;
const longestPauseSeconds = 2 * 3600;

/** An alert that was not taken for so long is given up … */
const giveUpAfterSeconds = 24 * 3600;

/** … and after so many tries, which take longer than that, whatever its row says of when it was written. */
const mostAttempts = 30;

const atOnce = 4;

type Alert = { id: string; event: string; body: string; attempts: number; now: Date };

/**
 * Sends what ALERT_WEBHOOK_URL is to hear and is due, side by side. Any number of processes may do it: each alert is claimed under a
 * lease. One whose sender dies after the call is sent again, with the same `id`. Out: how many were claimed.
 *
 * An alarm's end is not told before its opening was, or was given up.
 */
export async function deliverAlerts(
  db: Db,
  webhook: AlertWebhook,
  log: Log,
  { timeoutMs = answerTimeoutMs }: { timeoutMs?: number } = {},
): Promise<number> {
  const leaseId = newId();
  const alerts = await claimAlerts(db, leaseId);
  await Promise.all(
    alerts.map(async (alert) => {
      const cause = await post(alert, webhook, timeoutMs);
      try {
        if (cause === null) await recordSent(db, alert.id);
        else await putOff(db, log, alert, { leaseId, cause });
      } catch (error) {
        // The lease runs out, and it is sent once more.
        log.warn('alert_not_recorded', { alert: alert.id, error });
      }
    }),
  );
  return alerts.length;
}

const waits = sql`sent_at is null and ended_at is null`;

async function claimAlerts(db: Db, leaseId: string): Promise<Alert[]> {
  const farAhead = sql`now() + make_interval(secs => ${farAheadSeconds})`;
  const { rows } = await db.execute<{
    id: string;
    event: string;
    body: string;
    attempts: number;
    now_ms: number;
  }>(sql`
    update alarm_alerts set lease_id = ${leaseId}, leased_until = now() + make_interval(secs => ${leaseSeconds}),
      attempts = ${oneMore(sql`greatest(attempts, 0)`)}
    where id = any(array(
      select id from alarm_alerts alert
      where ${waits} and (send_after <= now() or send_after > ${farAhead})
        and (leased_until is null or leased_until <= now() or leased_until > ${farAhead})
        and (event = 'opened' or not exists (select from alarm_alerts opening
          where opening.alarm_id = alert.alarm_id and opening.event = 'opened' and opening.sent_at is null and opening.ended_at is null))
      order by send_after limit ${atOnce} for update skip locked))
    returning id, event, body, attempts, (extract(epoch from now()) * 1000)::float8 as now_ms`);
  return rows.map(({ now_ms: nowMs, ...row }) => ({ ...row, now: new Date(nowMs) }));
}

/** Makes the call. Out: null where it was taken, by any status from 200 to 299; else why not, without anything of the address. */
async function post(
  { body, now }: Alert,
  { url, secret }: AlertWebhook,
  timeoutMs: number,
): Promise<string | null> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Doorstep',
        'doorstep-signature': signAlert(body, now, secret),
      },
      // Signed words go to the address that the operator gave, and nowhere else.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    // Nobody reads the rest, however long it is.
    await answer.body?.cancel().catch(() => undefined);
    if (answer.ok) return null;
    return answer.status >= 300 && answer.status < 400 ? 'redirect' : `http_${answer.status}`;
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'no_connection';
  }
}

/** It was taken, also where the lease ran out meanwhile: nobody is to send it again. */
async function recordSent(db: Db, id: string): Promise<void> {
  await db.execute(sql`
    update alarm_alerts set sent_at = coalesce(sent_at, clock_timestamp()), ended_at = null, cause = null, lease_id = null,
      leased_until = null
    where id = ${id}`);
}

/** After a failure: later again, or given up once it has waited for a day. */
async function putOff(
  db: Db,
  log: Log,
  { id, event, attempts }: Alert,
  { leaseId, cause }: { leaseId: string; cause: string },
): Promise<void> {
  const pauseSeconds = Math.min(longestPauseSeconds, firstPauseSeconds * 2 ** Math.min(20, attempts - 1));
  const isOver = sql`(attempts >= ${mostAttempts} or created_at <= clock_timestamp() - make_interval(secs => ${giveUpAfterSeconds}))`;
  const { rows } = await db.execute<{ given_up: boolean }>(sql`
    update alarm_alerts set send_after = clock_timestamp() + make_interval(secs => ${pauseSeconds}), cause = ${cause},
      ended_at = case when ${isOver} then clock_timestamp() end, lease_id = null, leased_until = null
    where id = ${id} and lease_id = ${leaseId} and ${waits}
    returning ended_at is not null as given_up`);
  const row = rows[0];
  if (row)
    log[row.given_up ? 'error' : 'warn'](row.given_up ? 'alert_given_up' : 'alert_not_taken', {
      alert: id,
      told: event,
      cause,
      attempts,
    });
}
