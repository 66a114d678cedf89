import { sql } from 'drizzle-orm';
import type { RefusalReason, Webhook } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { Log } from '@/lib/log';
import { isFirstThisHour } from '@/lib/once-a-day';

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
const likelyCauses: Record<RefusalReason, string> = {
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
 * Counts refused calls: a line of the log for each, and a row in the database for each kind and hour, written at once for the
 * first and then every `everyMs` at most, so that a million of them are a few statements. What a process has not written
 * when it ends is lost; while the database is away, it is kept.
 *
 * The first in an hour that may well be Twilio's alerts: it names our account, or is signed with a token of ours. Junk that
 * does neither cries no wolf.
 *
 * `flush` writes what is waiting, and resolves when that is done or has failed.
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
  let waiting = new Map<string, Counted>();
  let timer: NodeJS.Timeout | null = null;
  let flushedMs = -Infinity;
  let underWay = Promise.resolve();

  const add = (counted: Counted) => {
    const key = JSON.stringify([counted.hourMs, counted.webhook, counted.reason, counted.namesUs]);
    const known = waiting.get(key) ?? { ...counted, count: 0 };
    known.count += counted.count;
    known.firstMs = Math.min(known.firstMs, counted.firstMs);
    known.lastMs = Math.max(known.lastMs, counted.lastMs);
    waiting.set(key, known);
  };
  const write = async () => {
    const counted = [...waiting.values()];
    waiting = new Map();
    if (counted.length === 0) return;
    flushedMs = performance.now();
    try {
      await addRefusals(db(), counted);
      await alertOf(db(), counted, log());
    } catch (error) {
      log().warn('webhook_refusals_not_counted', { error });
      counted.forEach(add);
      plan();
    }
  };
  const flush = () => (underWay = underWay.then(write));
  const plan = () => {
    if (timer !== null) return;
    timer = setTimeout(
      () => {
        timer = null;
        void flush();
      },
      Math.max(0, flushedMs + everyMs - performance.now()),
    );
    timer.unref();
  };
  return {
    note: (refusal, now) => {
      log()[mayBeTwilio(refusal) ? 'warn' : 'info']('webhook_refused', refusal);
      const atMs = now.getTime();
      add({ ...refusal, hourMs: atMs - (atMs % hourMs), count: 1, firstMs: atMs, lastMs: atMs });
      plan();
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
