import type { Pool } from 'pg';

/**
 * Looks for words in every column of every table, whatever its type. Out: where each was found, as `table.column: name`, in
 * the order of the alphabet.
 */
export async function findTraces(pool: Pool, words: Record<string, string>): Promise<string[]> {
  const { rows: columns } = await pool.query<{ table: string; column: string }>(`
    select c.table_name as table, c.column_name as column
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE'`);
  const found: string[] = [];
  for (const { table, column } of columns) {
    for (const [name, word] of Object.entries(words)) {
      const { rows } = await pool.query(
        `select 1 from "${table}" where position(lower($1) in lower("${column}"::text)) > 0 limit 1`,
        [word],
      );
      if (rows.length > 0) found.push(`${table}.${column}: ${name}`);
    }
  }
  return found.sort();
}
