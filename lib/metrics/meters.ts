import { Counter, Histogram, Registry } from 'prom-client';
import { meterSpecs, refusalRules, type MeterLabels, type MeterName, type MeterSpec } from './catalog';

/** A series, as the table keeps it: the name and the labels in order, `name{"le":1,"purpose":"update"}`; and its value. */
export type SeriesValues = Map<string, number>;

type Meters = { registry: Registry; flush: (() => Promise<void>) | null };

// Next bundles what answers requests apart from our listener; both count for one process.
const holder = globalThis as typeof globalThis & { doorstepMeters?: Meters };

function meters(): Meters {
  return (holder.doorstepMeters ??= { registry: makeRegistry(), flush: null });
}

/** Every series that there can be, at zero: so the first event of a kind is an increase that Prometheus sees. */
export function makeRegistry(): Registry {
  const registry = new Registry();
  for (const spec of Object.values<MeterSpec>(meterSpecs)) {
    const { name, help, labels, buckets } = spec;
    const common = { name, help, labelNames: Object.keys(labels), registers: [registry] };
    const meter =
      buckets === undefined ? new Counter(common) : new Histogram({ ...common, buckets: [...buckets] });
    for (const each of combineLabels(labels)) {
      if (meter instanceof Histogram) meter.zero(each);
      else meter.inc(each, 0);
    }
  }
  return registry;
}

function combineLabels(labels: MeterSpec['labels']): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (all, [label, values]) => all.flatMap((each) => values.map((value) => ({ ...each, [label]: value }))),
    [{}],
  );
}

type CounterName = {
  [Name in MeterName]: (typeof meterSpecs)[Name] extends { buckets: unknown } ? never : Name;
}[MeterName];

/** Counts one event, after it has happened for good. It costs microseconds and cannot fail. */
export function countEvent<Name extends CounterName>(name: Name, labels: MeterLabels<Name>): void {
  (meters().registry.getSingleMetric(meterSpecs[name].name) as Counter).inc(labels as Record<string, string>);
}

/** Counts one event that took `seconds`; a clock that was set back meanwhile makes it 0. */
export function measureSeconds<Name extends Exclude<MeterName, CounterName>>(
  name: Name,
  labels: MeterLabels<Name>,
  seconds: number,
): void {
  const histogram = meters().registry.getSingleMetric(meterSpecs[name].name) as Histogram;
  histogram.observe(labels as Record<string, string>, Number.isFinite(seconds) ? Math.max(0, seconds) : 0);
}

const knownRules: ReadonlySet<string> = new Set(refusalRules);

/** Counts that a rule refused someone, where it says so; one that the catalog does not have counts as `other`. */
export function countRefusal(rule: string): void {
  countEvent('refusals', {
    rule: knownRules.has(rule) ? (rule as (typeof refusalRules)[number]) : 'other',
  });
}

/** What this process has counted since it began. */
export async function readCounted(): Promise<SeriesValues> {
  const counted: SeriesValues = new Map();
  for (const metric of await meters().registry.getMetricsAsJSON()) {
    for (const each of metric.values) counted.set(seriesOf(metric.name, each), each.value);
  }
  return counted;
}

/** How a value of a registry is named in the table. */
export function seriesOf(
  name: string,
  { metricName, labels }: { metricName?: string; labels: Partial<Record<string, string | number>> },
): string {
  const inOrder = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${metricName ?? name}${JSON.stringify(Object.fromEntries(inOrder))}`;
}

/** Says how this process writes down what it has counted (share-counts.ts), for `flushCounts`. */
export function setFlush(flush: () => Promise<void>): void {
  meters().flush = flush;
}

/** Writes down what this process has counted, before it ends; nothing where nobody said how. */
export async function flushCounts(): Promise<void> {
  await meters().flush?.();
}
