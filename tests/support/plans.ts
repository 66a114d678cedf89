import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import type { Db } from '@/db/client';

/** A step of a plan, as far as it is looked at; EXPLAIN's own names. */
export type PlanNode = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Actual Rows'?: number;
  'Actual Loops'?: number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
};

/** One statement as it really ran; `journey` null: only what makes a journey possible. */
export type RanStatement = { journey: string | null; statement: string; plan: PlanNode };

export type PlanCacheMode = 'auto' | 'force_generic_plan';

export type PlanRecorder = {
  db: Db;
  pool: Pool;
  /** All that ran so far, in order. */
  ran: RanStatement[];
  /** Runs a journey under its name. One at a time. */
  during<Value>(journey: string, run: () => Promise<Value>): Promise<Value>;
  end(): Promise<void>;
};

/**
 * Opens a pool whose every statement is recorded with the plan that PostgreSQL ran it by, and with the rows each step read:
 * also what foreign keys and functions run inside a statement. That is the work of PostgreSQL's own module auto_explain,
 * which only a superuser may load.
 *
 * @param planCacheMode `force_generic_plan`: by the plan that a prepared statement may get for all values
 */
export function openPlanRecorder(databaseUrl: string, planCacheMode: PlanCacheMode = 'auto'): PlanRecorder {
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_nested_statements': 'on',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
    'auto_explain.log_parameter_max_length': '0',
    plan_cache_mode: planCacheMode,
  };
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const pool = new Pool({ connectionString: databaseUrl, max: 20, options: options.join(' ') });
  const ran: RanStatement[] = [];
  let journey: string | null = null;
  // The database may be dropped while a connection of the pool is still being closed.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    client.on('notice', ({ message = '' }) => {
      const json = /^duration: .*plan:\n([^]*)$/.exec(message)?.[1];
      if (json === undefined) return;
      const entry = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode };
      const statement = entry['Query Text'].replace(/\s+/g, ' ').trim();
      ran.push({ journey, statement, plan: entry.Plan });
    });
  });
  return {
    db: drizzle(pool),
    pool,
    ran,
    during: async (name, run) => {
      journey = name;
      try {
        return await run();
      } finally {
        journey = null;
      }
    },
    end: () => pool.end(),
  };
}

/** An index of a database, by its name. */
export type IndexFacts = Map<string, { table: string; isPartial: boolean; isUnique: boolean }>;

export async function readIndexes(pool: Pool): Promise<IndexFacts> {
  const { rows } = await pool.query<{ name: string; table: string; partial: boolean; unique: boolean }>(
    `select i.relname as name, t.relname as table, indpred is not null as partial, indisunique as unique
     from pg_index join pg_class i on i.oid = indexrelid join pg_class t on t.oid = indrelid
     where t.relnamespace = 'public'::regnamespace`,
  );
  return new Map(
    rows.map(({ name, table, partial, unique }) => [name, { table, isPartial: partial, isUnique: unique }]),
  );
}

/**
 * What a plan does that takes the longer the more rows a big table has: a sequential scan, a whole index read from end to end
 * without a LIMIT to stop it, or more than `mostRows` rows read by one step, whatever it calls itself. A second index that is
 * combined with a first is exempt: PostgreSQL takes it only where that is cheaper than the rows which the first would read.
 * Out: the tables, each with what is wrong.
 */
export function findBigReads(
  plan: PlanNode,
  { big, indexes, mostRows }: { big: ReadonlySet<string>; indexes: IndexFacts; mostRows: number },
): { table: string; fault: string }[] {
  const found: { table: string; fault: string }[] = [];
  const walk = (node: PlanNode, isLimited: boolean, isBesides: boolean): void => {
    const type = node['Node Type'];
    const index = node['Index Name'] === undefined ? undefined : indexes.get(node['Index Name']);
    const table = node['Relation Name'] ?? index?.table;
    if (table !== undefined && big.has(table) && (type.endsWith('Scan') || type === 'Seq Scan')) {
      const rows = countRows(node);
      if (type === 'Seq Scan') found.push({ table, fault: 'sequential scan' });
      else if (index && !index.isPartial && node['Index Cond'] === undefined && !isLimited) {
        found.push({ table, fault: `the whole of ${node['Index Name']}` });
      } else if (rows > mostRows && !isBesides) found.push({ table, fault: `${rows} rows read` });
    }
    const below = type === 'Limit' || (isLimited && !readsAllBelow.has(type));
    for (const child of node.Plans ?? []) walk(child, below, type === 'BitmapAnd');
  };
  walk(plan, false, false);
  return found;
}

/** A LIMIT above these does not stop what is below. */
const readsAllBelow = new Set(['Sort', 'Aggregate', 'Hash', 'BitmapAnd', 'BitmapOr']);

function countRows(node: PlanNode): number {
  const each =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  return Math.round(each * (node['Actual Loops'] ?? 1));
}

/** The names of all indexes that a plan reads. */
export function listIndexesOf(plan: PlanNode): string[] {
  const below = (plan.Plans ?? []).flatMap(listIndexesOf);
  return plan['Index Name'] === undefined ? below : [plan['Index Name'], ...below];
}
