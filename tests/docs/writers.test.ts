import { readdirSync, readFileSync } from 'node:fs';
import { getTableName, is, Table } from 'drizzle-orm';
import { expect, test } from 'vitest';
import * as applications from '@/db/schema/applications';
import * as alarms from '@/db/schema/alarms';
import * as accounts from '@/db/schema/accounts';
import * as bulk from '@/db/schema/bulk';
import * as consent from '@/db/schema/consent';
import * as mail from '@/db/schema/mail';
import * as metrics from '@/db/schema/metrics';
import * as pumping from '@/db/schema/pumping';
import * as reports from '@/db/schema/reports';
import * as sms from '@/db/schema/sms';
import * as twoFactor from '@/db/schema/two-factor';

const tables = Object.entries({
  ...accounts,
  ...alarms,
  ...applications,
  ...bulk,
  ...consent,
  ...mail,
  ...metrics,
  ...pumping,
  ...reports,
  ...sms,
  ...twoFactor,
}).filter(([, value]) => is(value, Table));
const tableNames = new Map(tables.map(([constant, table]) => [constant, getTableName(table as Table)]));

/** The files that the documentation names as the writers of each table. */
function readDocumented(): Map<string, string[]> {
  const section = readFileSync('docs/architecture.md', 'utf8').split('\n## Tables\n')[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.map((row) => {
      const [, table, writers] = row.split('|');
      return [
        table!.replaceAll('`', '').trim(),
        [...writers!.matchAll(/`([^`]+)`/g)].map(([, file]) => `lib/${file}`),
      ];
    }),
  );
}

/** The tables that a file writes, by Drizzle or in SQL. */
function findWrites(source: string): Set<string> {
  const written = new Set<string>();
  for (const [, constant] of source.matchAll(/\.(?:insert|update|delete)\((\w+)\)/g)) {
    const name = tableNames.get(constant!);
    if (name) written.add(name);
  }
  const names = [...tableNames.values()].join('|');
  const inSql = new RegExp(String.raw`\b(?:insert into|update|delete from)\s+(${names})\b(?!\s*\$)`, 'g');
  for (const [, name] of source.matchAll(inSql)) written.add(name!);
  return written;
}

test('the documentation names every file of lib that writes a table, and no other', () => {
  const found = new Map<string, string[]>([...tableNames.values()].map((name) => [name, []]));
  const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  for (const file of files.map((each) => `lib/${each}`).sort()) {
    for (const table of findWrites(readFileSync(file, 'utf8'))) found.get(table)!.push(file);
  }
  const documented = readDocumented();
  expect([...documented.keys()].sort()).toEqual([...found.keys()].sort());
  for (const [table, writers] of found) {
    expect([table, [...documented.get(table)!].sort()]).toEqual([table, writers]);
  }
});
