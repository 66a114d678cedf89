import { expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { checkAlarms } from '@/lib/alarms/check-alarms';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { useDatabase } from '../support/database';
import { newPhone } from '../support/people';
import { makeEnv } from '../support/texts';
import { runScript } from './support/run-script';

const database = useDatabase();
const run = () => runScript('check-ledgers', [], { DATABASE_URL: database.url });

/** What is open after the next check of a minute. */
async function listAlarms(): Promise<string[]> {
  await database.pool.query(`update alarm_rounds set next_at = clock_timestamp() - interval '1 second'`);
  const env = makeEnv(database.url);
  await checkAlarms({ db: database.db, env, log: openLog({ level: 'error', write: () => undefined }) });
  const { rows } = await database.pool.query<{ kind: string }>(
    'select kind from alarms where ended_at is null',
  );
  return rows.map(({ kind }) => kind);
}

test('says what does not agree and what to do, ends with 1, and opens one alarm until it is mended', async () => {
  const phone = newPhone();
  await database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: new Date() }));
  const agrees = {
    code: 0,
    out: 'budget: agrees\nnumbers: agrees\nopt_outs: agrees\nconsents: agrees\nwordings: agrees\n',
    err: '',
  };
  expect(await run()).toEqual(agrees);
  expect(await listAlarms()).toEqual([]);
  await database.pool.query('update phone_numbers set suppressed_at = null where number = $1', [phone]);
  const found = await run();
  expect(found.code).toBe(1);
  expect(found.out).toContain(
    'opt_outs: A number has opted out and is not blocked, 1 time\n  It may be texted.',
  );
  expect(found.out).not.toContain(phone);
  expect(found.err).toContain('Not everything agrees or could be checked: opt_outs.');
  expect(await listAlarms()).toEqual(['ledgers_differ']);
  expect(await run()).toMatchObject({ code: 1 });
  expect(await listAlarms()).toEqual(['ledgers_differ']);
  await database.pool.query('update phone_numbers set suppressed_at = now() where number = $1', [phone]);
  expect(await run()).toEqual(agrees);
  expect(await listAlarms()).toEqual([]);
  const { rows } = await database.pool.query<{ figures: unknown }>('select figures from alarms');
  expect(rows).toEqual([{ figures: { differences: 1, kinds: 'opt_out_without_block' } }]);
});
