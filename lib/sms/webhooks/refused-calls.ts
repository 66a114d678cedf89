import { sql } from 'drizzle-orm';
import type { RefusalReason, Webhook } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { Log } from '@/lib/log';
import { countEvent } from '@/lib/metrics/meters';
import { isFirstThisHour } from '@/lib/once-a-day';
import { makeTally } from './tally';

/** A call of a webhook that was not heard. */
export type WebhookRefusal = {
  webhook: Webhook;
  reason: RefusalReason;
  /** Whether it named our account, as far as it was read. */
  namesUs: boolean;
};

const hourMs = 3600 * 1000;
const keptDays = 90;

/** What an operator should look at first. */
export const likelyCauses: Record<RefusalReason, string> = {
  no_signature: 'not from Twilio, or a proxy drops the header X-Twilio-Signature',
  wrong_signature:
    'TWILIO_AUTH_TOKEN lacks the token that Twilio signs with, or APP_URL, or a proxy that rewrites path, query or body, differs from what Twilio called',
  wrong_account: 'TWILIO_ACCOUNT_SID is not the account that the number belongs to',
  wrong_method: 'the webhook is set to GET at Twilio: it has to be POST',
  too_long: 'not from Twilio, or a proxy adds to the body',
  cut: 'a proxy or the network ends the connection before the whole body has come',
};

type Counted = WebhookRefusal & { hourMs: number; count: number; firstMs: number; lastMs: number };

/**
 * Counts refused calls: a line of the log for each, and a row in the database for each kind and hour (`makeTally`).
 *
 * The first in an hour that may well be Twilio's alerts: it names our account, or is signed with a token of ours. Junk that
 * does neither cries no wolf.
 */
export function makeRefusalCounter({
  db,
  log,
  everyMs = 10_000,
}: {
  db: () => Db;
  log: () => Log;
  everyMs?: number;
}): { note: (refusal: WebhookRefusal, now: Date) => void; flush: () => Promise<void> } {
  const { add, flush } = makeTally<Counted>({
    write: (counted) => addRefusals(db(), counted).then(() => alertOf(db(), counted, log())),
    onFault: (error) => log().warn('webhook_refusals_not_counted', { error }),
    everyMs,
  });
  return {
    note: (refusal, now) => {
      log()[mayBeTwilio(refusal) ? 'warn' : 'info']('webhook_refused', refusal);
      const { webhook, reason } = refusal;
      countEvent('webhookRefusals', { webhook, reason });
      const atMs = now.getTime();
      const counted = { ...refusal, hourMs: atMs - (atMs % hourMs), count: 1, firstMs: atMs, lastMs: atMs };
      add(JSON.stringify([counted.hourMs, refusal.webhook, refusal.reason, refusal.namesUs]), counted);
    },
    flush,
  };
}

function mayBeTwilio({ namesUs, reason }: WebhookRefusal): boolean {
  // A wrong account is seen only behind a right signature.
  return namesUs || reason === 'wrong_account';
}

async function addRefusals(db: Db, counted: readonly Counted[]): Promise<void> {
  const at = (ms: number) => timestamp(new Date(ms));
  const rows = counted.map(
    (
      each,
    ) => sql`(${at(each.hourMs)}, ${each.webhook}, ${each.reason}, ${each.namesUs}::boolean, ${each.count}::bigint,
      ${at(each.firstMs)}, ${at(each.lastMs)})`,
  );
  await db.execute(sql`
    insert into webhook_refusals as known (hour, webhook, reason, names_us, count, first_at, last_at)
    values ${sql.join(rows, sql`, `)}
    on conflict (hour, webhook, reason, names_us) do update set count = known.count + excluded.count,
      first_at = least(known.first_at, excluded.first_at), last_at = greatest(known.last_at, excluded.last_at)`);
}

async function alertOf(db: Db, counted: readonly Counted[], log: Log): Promise<void> {
  for (const refusal of counted.filter(mayBeTwilio)) {
    const { webhook, reason, count, lastMs } = refusal;
    if (!(await isFirstThisHour(db, `webhook_refused:${webhook}:${reason}`, new Date(lastMs)))) continue;
    log.error('sms_alert', {
      alert: 'webhook_refused',
      webhook,
      reason,
      count,
      likely: likelyCauses[reason],
    });
  }
}

/** Removes counts that are older than 90 days, `limit` at most. Out: how many. */
export async function pruneRefusals(db: Db, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - keptDays * 24 * hourMs).toISOString();
  const { rowCount } = await db.execute(sql`
    delete from webhook_refusals where (hour, webhook, reason, names_us) in (
      select hour, webhook, reason, names_us from webhook_refusals where hour < ${before}::timestamptz
      order by hour limit ${limit} for update skip locked)`);
  return rowCount ?? 0;
}
