import { Client } from 'pg';

/** What a database was asked to do, and what that wrote. None of it depends on the machine. */
export type DatabaseCounts = {
  /** Of the one database, BEGIN and COMMIT included. */
  statements: number;
  /** Transactions that wrote something … */
  commits: number;
  /** … and of these, those that were answered only once the disk had them. */
  waits: number;
  walBytes: number;
};

export type DatabaseCounter = {
  /** Counts what is done to the database from now on until the returned function is called. */
  begin: () => Promise<() => Promise<DatabaseCounts>>;
  /** How often each statement has been sent so far, by its text. */
  listStatements: () => Promise<ReadonlyMap<string, number>>;
  close: () => Promise<void>;
};

const statementsOf = `from pg_stat_statements s join pg_database d on d.oid = s.dbid join pg_roles r on r.oid = s.userid
  where d.datname = $1 and r.rolname = $2`;

/**
 * Counts by PostgreSQL's own means: statements by `pg_stat_statements`, commits and bytes out of the log that it writes ahead
 * (`pg_walinspect`). The log is one for all databases of a server, so nothing else may go on beside what is counted.
 *
 * @param serverUrl of a superuser; the server has loaded `pg_stat_statements`
 * @param databaseUrl whose statements are counted: those to this database by this role. Ours, and the bench's own, go by another
 */
export async function countDatabase(serverUrl: string, databaseUrl: string): Promise<DatabaseCounter> {
  const { username, pathname } = new URL(databaseUrl);
  const whose = [pathname.slice(1), username];
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query('create extension if not exists pg_stat_statements');
  await client.query('create extension if not exists pg_walinspect');

  const readStatements = async (): Promise<{ all: number; lazy: number }> => {
    // Who lets a commit go without the disk says so by this function (db/lazy-commit.ts), once in a transaction.
    const { rows } = await client.query<{ all: number; lazy: number }>(
      `select coalesce(sum(calls), 0)::float as all,
         coalesce(sum(calls) filter (where query like '%set_config(%'), 0)::float as lazy
       ${statementsOf}`,
      whose,
    );
    return rows[0]!;
  };
  /** The end of the log, written to disk up to there: only what is on disk can be read back. */
  const markLog = async (): Promise<string> => {
    const { rows } = await client.query<{ lsn: string }>(
      `select pg_logical_emit_message(false, 'bench', '', true)::text as lsn`,
    );
    return rows[0]!.lsn;
  };

  return {
    begin: async () => {
      const before = await readStatements();
      const start = await markLog();
      return async () => {
        const end = await markLog();
        const after = await readStatements();
        const { rows } = await client.query<{ commits: number; bytes: number }>(
          `select coalesce(sum(count) filter (where "resource_manager/record_type" = 'Transaction/COMMIT'), 0)::float as commits,
             coalesce(sum(combined_size), 0)::float as bytes
           from pg_get_wal_stats($1, $2, true)`,
          [start, end],
        );
        const { commits, bytes } = rows[0]!;
        return {
          statements: after.all - before.all,
          commits,
          waits: Math.max(0, commits - (after.lazy - before.lazy)),
          walBytes: bytes,
        };
      };
    },
    listStatements: async () => {
      const { rows } = await client.query<{ query: string; calls: number }>(
        `select query, sum(calls)::float as calls ${statementsOf} group by query`,
        whose,
      );
      return new Map(rows.map(({ query, calls }) => [query, calls]));
    },
    close: () => client.end(),
  };
}
