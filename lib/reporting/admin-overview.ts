import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { sumSpend } from '@/lib/sms/capacity/budget';
import { readSender } from '@/lib/sms/capacity/send-rate';
import { senderName } from '@/lib/sms/capacity/sender';
import { readOpenAlarms, type OpenAlarms } from './alarms-page';
import type { ReportDay } from './rollups/report-days';
import { readReport, type Report } from './rollups/report';

/** How sending is at this moment. Money is in whole millionths of a dollar. */
export type SendingNow = {
  /** Of the last 24 hours, settled and reserved, and what may be. */
  spentMicros: number;
  budgetMicros: number;
  /** Since when the oldest text is due that was not sent yet; null: none is. */
  oldestDueAt: Date | null;
  failedInLastHour: number;
  /** The last delivery that the provider told us of within two days; null: none. */
  lastReceiptAt: Date | null;
  webhooksRefusedInLastHour: number;
  /** Until when our sender rests, and why; null: it sends. */
  stopped: { until: Date; reason: string | null } | null;
};

/** Reads all that `/admin` shows: what is wrong, how sending is now, and a report of some days. */
export async function readAdminOverview(
  db: Db,
  days: { first: ReportDay; last: ReportDay },
  now: Date,
): Promise<{ alarms: OpenAlarms; sending: SendingNow; report: Report }> {
  const [alarms, sending, report] = await Promise.all([
    readOpenAlarms(db, now),
    readSendingNow(db, now),
    readReport(db, days, now),
  ]);
  return { alarms, sending, report };
}

/** Reads how sending is at this moment. */
export async function readSendingNow(db: Db, now: Date): Promise<SendingNow> {
  const since = (hours: number) => timestamp(new Date(now.getTime() - hours * 3600 * 1000));
  const ms = (name: string) => sql.raw(`(extract(epoch from ${name}) * 1000)::float8`);
  const [spent, sender, { rows }] = await Promise.all([
    sumSpend(db, 'all', now),
    readSender(db, senderName(env())),
    db.execute<{
      due_ms: number | null;
      failed: number;
      receipt_ms: number | null;
      refused: number;
    }>(sql`
      select
        (select ${ms('min(send_after)')} from sms_messages where status = 'queued' and send_after <= ${timestamp(now)}) as due_ms,
        (select count(*)::int from sms_messages where status = 'failed' and created_at > ${since(1)}) as failed,
        (select ${ms('delivered_at')} from sms_messages where status = 'delivered' and created_at > ${since(48)}
          order by created_at desc limit 1) as receipt_ms,
        (select coalesce(sum(count), 0)::int from webhook_refusals where hour > ${since(2)} and last_at > ${since(1)}) as refused`),
  ]);
  const row = rows[0]!;
  // A moment that is none was written wrongly.
  const instant = (at: number | null) => (at === null || !Number.isFinite(at) ? null : new Date(at));
  return {
    spentMicros: Number(spent),
    budgetMicros: env().smsDailyBudgetMicros,
    oldestDueAt: instant(row.due_ms),
    failedInLastHour: row.failed,
    lastReceiptAt: instant(row.receipt_ms),
    webhooksRefusedInLastHour: row.refused,
    stopped: sender?.restsUntil ? { until: sender.restsUntil, reason: sender.reason } : null,
  };
}
