import { sql } from 'drizzle-orm';
import type { Webhook } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { Log } from '@/lib/log';
import { makeTally } from './tally';

type CountedCalls = { webhook: Webhook; hourMs: number; count: number; firstMs: number; lastMs: number };

const hourMs = 3600 * 1000;
const keptDays = 90;

/** Counts calls that were signed by the provider, whatever they told: by webhook and hour (`makeTally`). */
export function makeAcceptedCounter({
  db,
  log,
  everyMs = 10_000,
}: {
  db: () => Db;
  log: () => Log;
  everyMs?: number;
}): { note: (webhook: Webhook, now: Date) => void; flush: () => Promise<void> } {
  const { add, flush } = makeTally<CountedCalls>({
    write: (counted) => addCalls(db(), counted),
    onFault: (error) => log().warn('webhook_calls_not_counted', { error }),
    everyMs,
  });
  return {
    note: (webhook, now) => {
      const atMs = now.getTime();
      const hour = atMs - (atMs % hourMs);
      add(`${hour} ${webhook}`, { webhook, hourMs: hour, count: 1, firstMs: atMs, lastMs: atMs });
    },
    flush,
  };
}

async function addCalls(db: Db, counted: readonly CountedCalls[]): Promise<void> {
  const at = (ms: number) => timestamp(new Date(ms));
  const rows = counted.map(
    ({ hourMs: hour, webhook, count, lastMs }) =>
      sql`(${at(hour)}, ${webhook}, ${count}::bigint, ${at(lastMs)})`,
  );
  await db.execute(sql`
    insert into webhook_calls as known (hour, webhook, count, last_at)
    values ${sql.join(rows, sql`, `)}
    on conflict (hour, webhook) do update set count = known.count + excluded.count,
      last_at = greatest(known.last_at, excluded.last_at)`);
}

/** Removes counts that are older than 90 days, `limit` at most. Out: how many. */
export async function pruneCalls(db: Db, now: Date, limit: number): Promise<number> {
  const before = timestamp(new Date(now.getTime() - keptDays * 24 * hourMs));
  const { rowCount } = await db.execute(sql`
    delete from webhook_calls where (hour, webhook) in (
      select hour, webhook from webhook_calls where hour < ${before}
      order by hour limit ${limit} for update skip locked)`);
  return rowCount ?? 0;
}
