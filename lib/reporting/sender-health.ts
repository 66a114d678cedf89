import { sql } from 'drizzle-orm';
import type { Webhook } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { epochMs, timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { sumSpend } from '@/lib/sms/capacity/budget';
import { readSenders } from '@/lib/sms/capacity/send-rate';
import type { SenderRole } from '@/db/schema/consent';
import { awaitsReports, paceOf, senderName } from '@/lib/sms/senders/sender';
import { isDueAt } from '@/lib/sms/outbox/due-texts';
import { addDays, dayOf } from './rollups/report-days';
import { readReport } from './rollups/report';
import { addSums, nothing } from './rollups/sums';

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
  /** That of the first sender that the provider refuses; null: all of them send. */
  stopped: Stopped | null;
};

/** How our senders do: what the provider and the carriers make of what it sends. Counts of several days are of `days` days. */
export type SenderHealth = {
  senders: SenderNow[];
  backend: 'console' | 'twilio';
  sending: SendingNow;
  /** Texts that are due and wait, counted up to `mostWaiting`. */
  waiting: number;
  days: number;
  /** Texts that were sent, and of these those that a carrier filtered (30007). */
  sent: number;
  filtered: number;
  /** Texts that met 30032 or 30034: the sender is not registered. */
  unregistered: number;
  /** Calls of the last 24 hours. `refused`: those that may have been the provider's. */
  webhooks: Record<Webhook, { accepted: number; lastAt: Date | null; refused: number }>;
  /** Whether the provider is asked to call us at all. */
  expectsReports: boolean;
};

/** One of our senders. */
export type SenderNow = {
  role: SenderRole;
  name: string;
  /** Texts a second at most; null: without limit. */
  messagesPerSecond: number | null;
  sentInLastMinute: number;
  stopped: Stopped | null;
};

/** Why the provider refuses a sender, and until when it rests (`until` null: the next text tries). */
type Stopped = { until: Date | null; reason: string | null };

const days = 7;

/** A count of what waits stops here. */
export const mostWaiting = 1_000;

/** Reads all that the page about the sender shows. */
export async function readSenderHealth(db: Db, now: Date): Promise<SenderHealth> {
  const { smsBackend, reportTimeZone } = env();
  const ago = (seconds: number) => timestamp(new Date(now.getTime() - seconds * 1000));
  const today = dayOf(now, reportTimeZone);
  const [sending, report, waiting, sent, senders, calls] = await Promise.all([
    readSendingNow(db, now),
    readReport(db, { first: addDays(today, 1 - days), last: today, only: 'texts' }, now),
    db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from (select from sms_messages
        where status = 'queued' and send_after <= ${timestamp(now)} limit ${mostWaiting}) due`),
    db.execute<{ sender: string; sent: number }>(sql`
      select sender, count(*)::int as sent from sms_messages
      where attempted_at > ${ago(60)} and attempted_at <= ${timestamp(now)} and sent_at is not null and sender is not null
      group by sender`),
    readSenders(db, env()),
    db.execute<{ webhook: Webhook; accepted: number; last_ms: number | null; refused: number }>(sql`
      select webhook, sum(accepted)::float8 as accepted, (extract(epoch from max(last_at)) * 1000)::float8 as last_ms,
        sum(refused)::float8 as refused
      from (
        select webhook, count as accepted, last_at, 0 as refused from webhook_calls
        where hour > ${ago(24 * 3600)} and hour <= ${timestamp(now)}
        union all
        select webhook, 0, null, count from webhook_refusals
        where hour > ${ago(24 * 3600)} and hour <= ${timestamp(now)} and (names_us or reason = 'wrong_account')
      ) calls group by webhook`),
  ]);
  const webhook = (name: Webhook) => {
    const row = calls.rows.find((each) => each.webhook === name);
    const lastMs = row?.last_ms ?? null;
    return {
      accepted: row?.accepted ?? 0,
      lastAt: lastMs === null ? null : new Date(lastMs),
      refused: row?.refused ?? 0,
    };
  };
  const sums = Object.entries(report.period.byPurpose)
    .filter(([purpose]) => purpose !== 'inbound')
    .reduce((sum, [, each]) => addSums(sum, each), nothing);
  const textsWith = (...codes: number[]) =>
    codes.reduce((sum, code) => sum + (report.byError[String(code)]?.texts ?? 0), 0);
  return {
    senders: [...senders].map(([role, state]) => {
      const name = senderName(env(), role);
      return {
        ...{ role, name, messagesPerSecond: paceOf(env(), role), stopped: judgeStop(state) },
        sentInLastMinute: sent.rows.find(({ sender }) => sender === name)?.sent ?? 0,
      };
    }),
    backend: smsBackend,
    sending,
    waiting: waiting.rows[0]!.waiting,
    days,
    sent: sums.sent,
    filtered: textsWith(30007),
    unregistered: textsWith(30032, 30034),
    webhooks: { status: webhook('status'), inbound: webhook('inbound') },
    expectsReports: awaitsReports(env()),
  };
}

/** Reads how sending is at this moment. */
export async function readSendingNow(db: Db, now: Date): Promise<SendingNow> {
  const since = (hours: number) => timestamp(new Date(now.getTime() - hours * 3600 * 1000));
  const [spent, senders, { rows }] = await Promise.all([
    sumSpend(db, 'all', now),
    readSenders(db, env()),
    db.execute<{
      due_ms: number | null;
      failed: number;
      receipt_ms: number | null;
      refused: number;
    }>(sql`
      select
        (select ${epochMs(sql`min(send_after)`)} from sms_messages where ${isDueAt(now)}) as due_ms,
        (select count(*)::int from sms_messages where status = 'failed' and created_at > ${since(1)}) as failed,
        (select ${epochMs(sql`delivered_at`)} from sms_messages where status = 'delivered' and created_at > ${since(48)}
          order by created_at desc limit 1) as receipt_ms,
        (select coalesce(sum(count), 0)::float8 from webhook_refusals where hour > ${since(2)} and last_at > ${since(1)}) as refused`),
  ]);
  const row = rows[0]!;
  // A moment that is none was written wrongly, and is read as null.
  const instant = (at: number | null) => (at === null ? null : new Date(at));
  return {
    spentMicros: Number(spent),
    budgetMicros: env().smsDailyBudgetMicros,
    oldestDueAt: instant(row.due_ms),
    failedInLastHour: row.failed,
    lastReceiptAt: instant(row.receipt_ms),
    webhooksRefusedInLastHour: row.refused,
    stopped: [...senders.values()].map(judgeStop).find((stopped) => stopped !== null) ?? null,
  };
}

/** Between two tries it does not rest, and is refused all the same, as far as anyone knows. */
function judgeStop(sender: { restsUntil: Date | null; reason: string | null } | null): Stopped | null {
  if (sender === null || (sender.restsUntil === null && sender.reason === null)) return null;
  return { until: sender.restsUntil, reason: sender.reason };
}
