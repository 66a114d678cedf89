import { timingSafeEqual, createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import {
  AggregatorRegistry,
  Gauge,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env, type Env } from '@/lib/env';
import { gaugeSpecs, sentPurposes } from '@/lib/metrics/catalog';
import { makeRegistry, seriesOf } from '@/lib/metrics/meters';
import { countOpenAlarms } from '@/lib/alarms/count-open-alarms';
import { differenceKinds } from '@/lib/alarms/ledger-kinds';
import { openLog } from '@/lib/log';
import { countDifferences, readLedgerState } from '@/lib/alarms/ledger-checks';
import { readLastRound } from '@/lib/alarms/last-round';
import { sumSpend } from '@/lib/sms/capacity/budget';
import packageFile from '@/package.json' with { type: 'json' };

/** PostgreSQL gives up each statement of the gauges after this long: who asks comes again in some seconds. */
const patienceMs = 2_000;

/**
 * Whether a request may read the figures. `token`: it has to bring the right one, METRICS_TOKEN. Where that is unset, who is on
 * this machine may, as our listener tells by its marks (scripts/web/examine-request.ts); in public there is nothing then.
 */
export function mayReadMetrics(
  env: Pick<Env, 'metricsToken' | 'isPublic'>,
  headers: Headers,
): 'yes' | 'token' | 'nothing_here' {
  if (env.metricsToken === null) {
    return env.isPublic || headers.has('x-doorstep-forwarded') ? 'nothing_here' : 'yes';
  }
  const given = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(env.metricsToken)) ? 'yes' : 'token';
}

/** Of one length, whatever was given. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * Prints the figures of the installation in Prometheus's text format: what all processes counted, as `metric_sums` has it, and
 * how things are at this moment. Throws where the database does not answer about the sums.
 */
export async function printMetrics(db: Db, now: Date): Promise<{ text: string; contentType: string }> {
  const [counted, gauges] = await Promise.all([readSums(db), readGauges(db, now)]);
  const all = AggregatorRegistry.aggregate([counted, await gauges.getMetricsAsJSON()]);
  return { text: await all.metrics(), contentType: all.contentType };
}

/** Every series at what the installation has counted; series of another release are left out. */
async function readSums(db: Db): Promise<MetricObjectWithValues<MetricValue<string>>[]> {
  const { rows } = await db.execute<{ series: string; value: number }>(
    sql`select series, value from metric_sums`,
  );
  const sums = new Map(rows.map(({ series, value }) => [series, value]));
  const metrics = await makeRegistry().getMetricsAsJSON();
  return metrics.map((metric) => ({
    ...metric,
    values: metric.values.map((each) => ({ ...each, value: sums.get(seriesOf(metric.name, each)) ?? 0 })),
  }));
}

async function readGauges(db: Db, now: Date): Promise<Registry> {
  const registry = new Registry();
  const gauge = (name: keyof typeof gaugeSpecs, labelNames: string[] = []) =>
    new Gauge({ ...gaugeSpecs[name], labelNames, registers: [registry] });
  gauge('build', ['version']).set({ version: packageFile.version }, 1);
  gauge('budgetLimit').set(env().smsDailyBudgetMicros / 1e6);
  const unread = gauge('unread');
  try {
    const { ages, spentMicros, open, lastRound, ledgers } = await db.transaction(async (tx) => {
      await tx.execute(sql.raw(`set local statement_timeout = ${patienceMs}`));
      return {
        ages: await readQueueAges(tx, now),
        spentMicros: await sumSpend(tx, 'all', now),
        open: await countOpenAlarms(tx),
        lastRound: await readLastRound(tx, now),
        ledgers: await readLedgerState(tx),
      };
    });
    const queueAge = gauge('queueAge', ['purpose']);
    for (const { purpose, seconds } of ages) queueAge.set({ purpose }, seconds);
    gauge('budgetSpent').set(Number(spentMicros) / 1e6);
    const alarms = gauge('alarms', ['alarm']);
    for (const [alarm, count] of Object.entries(open)) alarms.set({ alarm }, count);
    const differences = countDifferences(ledgers);
    const ledger = gauge('ledgerDifferences', ['kind']);
    for (const kind of differenceKinds) ledger.set({ kind }, differences[kind] ?? 0);
    // Never is longer ago than any limit.
    const ageOf = (at: Date | null) =>
      at === null ? Infinity : Math.max(0, now.getTime() - at.getTime()) / 1000;
    gauge('ledgerAge').set(ageOf(ledgers.checkedAt));
    gauge('dispatcherRound').set(ageOf(lastRound));
    unread.set(0);
  } catch (error) {
    openLog().warn('metrics_not_read', { error });
    unread.set(1);
  }
  return registry;
}

async function readQueueAges(
  tx: Parameters<typeof sumSpend>[0],
  now: Date,
): Promise<{ purpose: string; seconds: number }[]> {
  const { rows } = await tx.execute<{ purpose: string; seconds: number | null }>(sql`
    select purpose, (
      select extract(epoch from ${timestamp(now)} - send_after)::float8 from sms_messages m
      -- As isDueAt says it, in pairs, which only the index by purpose answers: one purpose may be far behind in a long queue.
      where status = 'queued' and (m.purpose, send_after) > (asked.purpose, '2000-01-01'::timestamptz)
        and (m.purpose, send_after) <= (asked.purpose, ${timestamp(now)})
      order by m.purpose, send_after limit 1
    ) as seconds
    from unnest(${sql.param(sentPurposes)}::text[]) as asked (purpose)`);
  return rows.map(({ purpose, seconds }) => ({ purpose, seconds: seconds ?? 0 }));
}
