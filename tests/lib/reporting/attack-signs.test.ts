import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { judgeAttack } from '@/app/admin/attack-figures';
import { readAttackSigns } from '@/lib/reporting/attack-signs';
import { recordStatements, useDatabase } from '../../support/database';
import { after, noon } from '../../support/people';
import { withSettings } from '../../support/settings';

const database = useDatabase();
const run = (statement: string, values: unknown[] = []) => database.pool.query(statement, values);
const budget = { smsDailyBudgetMicros: 10_000_000 };
const read = () => withSettings(budget, () => readAttackSigns(database.db, noon));

const userId = randomUUID();
beforeEach(async () => {
  await run('truncate sms_verifications, sms_verification_log, sms_spend, users cascade');
  await run(
    `insert into users (id, email, email_key, name, password_hash, created_at, password_changed_at)
     values ($1, 'a@example.com', 'a@example.com', 'Person', '-', now(), now())`,
    [userId],
  );
});

const writeCodes = (secondsAgo: number, count: number, entered = 0) =>
  run(
    `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at, consumed_at, ended_at)
     select gen_random_uuid(), $1, '+15005550123', 'prove', '\\x00', $2, $2, $2, case when n <= $4 then $2::timestamptz end,
       case when n > $4 then $2::timestamptz end from generate_series(1, $3::int) n`,
    [userId, after(noon, -secondsAgo), count, entered],
  );

type Request = { secondsAgo: number; network: string | null; phone: string; reason?: string; times?: number };
const writeRequest = ({ secondsAgo, network, phone, reason, times = 1 }: Request, count = 1) =>
  run(
    `insert into sms_verification_log (at, event, reason, network, phone, times, last_at)
     select $1, $2, $3, $4, $5, $6::int, case when $6::int > 1 then $1::timestamptz end from generate_series(1, $7::int)`,
    [
      after(noon, -secondsAgo),
      reason ? 'send_refused' : 'send_requested',
      reason ?? null,
      network,
      phone,
      times,
      count,
    ],
  );

const hour = 3600;

test('an empty installation shows nothing unusual, in three statements', async () => {
  const signs = await read();
  expect(await recordStatements(database.pool, read)).toHaveLength(3);
  expect(signs).toEqual({
    asked: { count: 0, usual: 0 },
    unentered: { asked: 0, never: 0 },
    topNetwork: null,
    topPrefix: null,
    refusals: [],
    strangers: { spentMicros: 0, limitMicros: 7_000_000 },
  });
  expect(Object.values(judgeAttack(signs))).toEqual([false, false, false, false, false]);
});

test('each sign is read from its own hour', async () => {
  await writeCodes(60, 40);
  await writeCodes(hour - 1, 5, 5);
  await writeCodes(hour + 1, 3);
  // This hour of the days before: seven codes on one of them, 14 on another.
  await writeCodes(24 * hour + 100, 7);
  await writeCodes(7 * 24 * hour + 100, 14);
  await writeCodes(8 * 24 * hour + 100, 500);
  await writeRequest({ secondsAgo: 60, network: 'network:attacker', phone: '+15005550123' }, 30);
  await writeRequest({ secondsAgo: 60, network: 'network:other', phone: '+12125550123' }, 9);
  await writeRequest({
    secondsAgo: 60,
    network: 'network:attacker',
    phone: '+15005550199',
    reason: 'send_limit',
    times: 21,
  });
  await writeRequest({ secondsAgo: 60, network: null, phone: '+15005550199', reason: 'crowded', times: 2 });
  await writeRequest({ secondsAgo: hour + 60, network: 'network:old', phone: '+19995550123' }, 100);
  await run(
    `insert into sms_spend (scope, minute, micros) values ('strangers', $1, 4000000), ('all', $1, 9000000)`,
    [after(noon, -600)],
  );
  const signs = await read();
  expect(signs).toEqual({
    asked: { count: 45, usual: 3 },
    // Those of the last ten minutes can still be entered.
    unentered: { asked: 8, never: 3 },
    topNetwork: { name: 'network:attacker', count: 51, all: 60 },
    topPrefix: { name: '+1500555', count: 53, all: 62 },
    refusals: [
      { reason: 'send_limit', times: 21 },
      { reason: 'crowded', times: 2 },
    ],
    strangers: { spentMicros: 4_000_000, limitMicros: 7_000_000 },
  });
  expect(judgeAttack(signs)).toEqual({
    asked: true,
    unentered: false,
    network: true,
    prefix: true,
    strangers: true,
  });
});

test('what the log says of a refusal counts by its last time, and no more of a crowd is read than says enough', async () => {
  await writeRequest({
    secondsAgo: 2 * hour - 60,
    network: 'a',
    phone: '+15005550123',
    reason: 'too_soon',
    times: 5,
  });
  expect((await read()).refusals).toEqual([]);
  await run(`update sms_verification_log set last_at = $1`, [after(noon, -60)]);
  expect((await read()).refusals).toEqual([{ reason: 'too_soon', times: 5 }]);
  await writeCodes(1_200, 700);
  await writeRequest({ secondsAgo: 30, network: 'b', phone: '+15005550123' }, 1_500);
  const { asked, unentered, topNetwork } = await read();
  expect(asked.count).toBe(500);
  expect(unentered).toEqual({ asked: 500, never: 500 });
  expect(topNetwork).toEqual({ name: 'b', count: 1_000, all: 1_000 });
});

test('more codes than are counted are unusual where that is more than twice the usual', () => {
  const signs = {
    unentered: { asked: 0, never: 0 },
    topNetwork: null,
    topPrefix: null,
    refusals: [],
    strangers: { spentMicros: 0, limitMicros: 7_000_000 },
  };
  const judge = (count: number, usual: number) => judgeAttack({ ...signs, asked: { count, usual } }).asked;
  expect(judge(500, 200)).toBe(true);
  expect(judge(500, 250)).toBe(false);
  expect(judge(499, 200)).toBe(false);
});
