import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openPool } from '@/db/client';
import { migrateDatabase, readSchemaState } from '@/db/migrate';
import { openLog } from '@/lib/log';
import { outboxChannel } from '@/lib/sms/outbox/text-outbox';
import { listenToOutbox } from '@/lib/outbox-listener';
import { useDatabase } from '../support/database';
import { startStrictPooler, type StrictPooler } from '../support/strict-pooler';

const database = useDatabase();

describe.each([
  ['refuses startup parameters that it does not know', false],
  ['drops them without a word', true],
])('behind a pooler that %s', (_name, ignores) => {
  let pooler: StrictPooler;
  beforeAll(async () => {
    pooler = await startStrictPooler(database.url, { ignores });
  });
  afterAll(() => pooler.close());

  test('the pooler of this test sees what is not sent by us', async () => {
    const strict = await startStrictPooler(database.url, { ignores });
    const client = new Client({ connectionString: strict.url, statement_timeout: 5_000 });
    client.on('error', () => undefined);
    const connecting = client.connect();
    if (ignores) {
      await connecting;
      const { rows } = await client.query<{ statement_timeout: string }>('show statement_timeout');
      expect(rows).toEqual([{ statement_timeout: '0' }]);
      await client.end();
    } else await expect(connecting).rejects.toThrow('unsupported startup parameter: statement_timeout');
    expect(strict.unknown).toEqual(['statement_timeout']);
    await strict.close();
  });

  test('every connection of the pool has its time limits', async () => {
    const pool = openPool(pooler.url, { max: 3, statementTimeoutMs: 700 });
    try {
      const shown = await Promise.all(
        Array.from({ length: 3 }, () =>
          pool.query(`select pg_sleep(0.1), current_setting('statement_timeout') as statement,
            current_setting('idle_in_transaction_session_timeout') as idle, current_setting('lock_timeout') as lock`),
        ),
      );
      expect(pool.totalCount).toBe(3);
      for (const { rows } of shown)
        expect(rows).toMatchObject([{ statement: '700ms', idle: '700ms', lock: '3s' }]);
      await expect(pool.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
    } finally {
      await pool.end();
    }
    expect(pooler.unknown).toEqual([]);
  });

  test('texts are listened for, and the schema is migrated', async () => {
    const wake = vi.fn();
    const end = new AbortController();
    const log = openLog({ level: 'error' });
    const listening = listenToOutbox(pooler.url, { channel: outboxChannel, wake, log, signal: end.signal });
    await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(1), 30_000);
    await database.pool.query(`notify ${outboxChannel}`);
    await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(2), 30_000);
    end.abort();
    await listening;
    await migrateDatabase(pooler.url);
    expect(await readSchemaState(pooler.url)).toEqual({ missing: 0, mayMigrate: true });
    expect(pooler.unknown).toEqual([]);
  });
});
