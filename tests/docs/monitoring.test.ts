import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { alarmKindNames } from '@/lib/alarms/alarm-kinds';
import { differenceKinds } from '@/lib/alarms/ledger-kinds';
import { gaugeSpecs, meterSpecs, sentPurposes, type MeterSpec } from '@/lib/metrics/catalog';

type Alerts = { groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[] };
type Dashboard = { panels: { title: string; targets: { expr: string }[] }[] };

const alerts = parse(readFileSync('docs/monitoring/alerts.yml', 'utf8')) as Alerts;
const dashboard = JSON.parse(readFileSync('docs/monitoring/dashboard.json', 'utf8')) as Dashboard;
const rules = alerts.groups.flatMap((group) => group.rules);
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** Every name that is printed, with the labels and values that it has. */
const printed = new Map<string, Record<string, readonly string[] | null>>();
for (const { name, labels, buckets } of Object.values<MeterSpec>(meterSpecs)) {
  if (buckets === undefined) printed.set(name, labels);
  else {
    printed.set(`${name}_bucket`, { ...labels, le: [...buckets.map(String), '+Inf'] });
    for (const suffix of ['sum', 'count']) printed.set(`${name}_${suffix}`, labels);
  }
}
for (const { name } of Object.values(gaugeSpecs)) printed.set(name, {});
printed.set(gaugeSpecs.queueAge.name, { purpose: sentPurposes });
printed.set(gaugeSpecs.build.name, { version: null });
printed.set(gaugeSpecs.alarms.name, { alarm: alarmKindNames });
printed.set(gaugeSpecs.ledgerDifferences.name, { kind: differenceKinds });

test('there are alerts and panels to look at', () => {
  expect(rules.length).toBeGreaterThan(10);
  expect(dashboard.panels.length).toBeGreaterThan(10);
});

test.each(expressions)('%s asks for figures, labels and values that exist', (_, expr) => {
  const asked = [...expr.matchAll(/\b(doorstep_\w+)(?:\{([^}]*)\})?/g)];
  expect(asked.length).toBeGreaterThan(0);
  for (const [, name, matchers = ''] of asked) {
    const labels = printed.get(name!);
    expect(labels, name).toBeDefined();
    for (const [, label, how, value] of matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)) {
      const values = labels![label!] ?? [];
      // Each alternative by itself: one that fits nothing would watch over nothing, beside others that do.
      const alternatives = how!.endsWith('~') ? value!.split('|') : [value!];
      for (const alternative of alternatives) {
        const fits = how!.endsWith('~')
          ? new RegExp(`^(?:${alternative})$`)
          : { test: (each: string) => each === alternative };
        expect(
          values.some((each) => fits.test(each)),
          `${name} ${label} ${alternative}`,
        ).toBe(true);
      }
    }
  }
  for (const [open, close] of ['()', '{}', '[]']) {
    expect(expr.split(open!).length, expr).toBe(expr.split(close!).length);
  }
  for (const [, list] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list!.split(',').map((each) => each.trim())) {
      expect(
        asked.every(([, name]) => Object.hasOwn(printed.get(name!)!, label)),
        `${label} of ${expr}`,
      ).toBe(true);
    }
  }
});

test('every alert has a name of its own, and says what to do', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { annotations } of rules) {
    expect(annotations.summary).toMatch(/\S/);
    expect(annotations.description).toMatch(/\S/);
  }
});

test('the dashboard and the documentation have every figure', () => {
  const shown = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n');
  const documented = readFileSync('docs/operations.md', 'utf8');
  for (const { name } of [...Object.values(meterSpecs), ...Object.values(gaugeSpecs)]) {
    expect(shown).toContain(name);
    expect(documented).toContain(`\`${name}\``);
  }
});
