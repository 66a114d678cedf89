import { expect, test } from 'vitest';
import { loginGrants, pendingTokens, rateLimits, sessions } from '@/db/schema/accounts';
import {
  recoveries,
  signInCodes,
  smsEnteredCodes,
  smsSpend,
  smsVerificationLog,
  smsVerifications,
} from '@/db/schema/sms';
import { secondFactorFailures, spentPasskeyChallenges, trustedDevices } from '@/db/schema/two-factor';
import { batchRows, keepHouse, keepHouseByBothClocks, mostBatches } from '@/lib/housekeeping';
import { bigPerson } from '../support/big-database';
import { recordStatements, useDatabase } from '../support/database';
import { after, noon } from '../support/people';

const database = useDatabase();

async function fill(rows: number, over: Date): Promise<void> {
  const at = over.toISOString();
  const tables =
    'users, sessions, login_grants, pending_tokens, rate_limits, sms_verifications, sms_verification_log, sms_spend, trusted_devices, spent_passkey_challenges, second_factor_failures, sms_entered_codes';
  await database.pool.query(`truncate ${tables} cascade`);
  const person = `md5('person:' || n)::uuid`;
  const token = `sha256(convert_to(n::text, 'UTF8'))`;
  for (const insert of [
    `users (id, email, email_key, name, password_hash, created_at, activated_at, password_changed_at)
      select ${person}, n::text, n::text, '', '-', '${at}', '${at}', '${at}'`,
    `sessions (id, user_id, created_at, last_seen_at, expires_at) select ${person}, ${person}, '${at}', '${at}', '${at}'`,
    `login_grants (token_hash, user_id, expires_at) select ${token}, ${person}, '${at}'`,
    `pending_tokens (token_hash, user_id, purpose, created_at, last_used_at)
      select ${token}, ${person}, 'activation', '${at}'::timestamptz - interval '1 day', '${at}'`,
    `rate_limits (key, empty_at) select n::text, '${at}'`,
    `sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at)
      select ${person}, ${person}, '+1415200000' || n % 10, 'prove', ${token}, '${at}', '${at}', '${at}'`,
    `trusted_devices (id, user_id, token_hash, created_at, last_used_at, expires_at)
      select ${person}, ${person}, ${token}, '${at}', '${at}', '${at}'`,
    `sign_in_codes (id, user_id, phone, nonce, last_sent_at, expires_at)
      select ${person}, ${person}, '+1415200000' || n % 10, ${token}, '${at}', '${at}'`,
    `recoveries (id, token_hash, email, email_key, nonce, address, created_at, expires_at)
      select ${person}, ${token}, n::text, n::text, ${token}, '', '${at}', '${at}'`,
    `spent_passkey_challenges (challenge_hash, expires_at) select ${token}, '${at}'`,
    `second_factor_failures (hour, wrong)
      select '${at}'::timestamptz - interval '28 days' - n * interval '1 microsecond', 1`,
    `sms_entered_codes (challenge_id, entered_at, due_at)
      select ${person}, '${at}'::timestamptz - interval '1 day', '${at}'::timestamptz - interval '1 day'`,
    // It counts for a day, and for an hour more where clocks differ.
    `sms_spend (scope, minute, micros) select n::text, '${at}'::timestamptz - interval '25 hours', 7900`,
  ]) {
    await database.pool.query(`insert into ${insert} from generate_series(1, ${rows}) n`);
  }
}

/** So many of each are left. */
const each = (left: number) => ({
  ...{ sessions: left, grants: left, tokens: left, limits: left, spend: left },
  ...{ trusted: left, challenges: left, failures: left, signIn: left, recoveries: left, entered: left },
});

async function countLeft() {
  const { db } = database;
  return {
    sessions: await db.$count(sessions),
    grants: await db.$count(loginGrants),
    tokens: await db.$count(pendingTokens),
    limits: await db.$count(rateLimits),
    spend: await db.$count(smsSpend),
    trusted: await db.$count(trustedDevices),
    challenges: await db.$count(spentPasskeyChallenges),
    failures: await db.$count(secondFactorFailures),
    signIn: await db.$count(signInCodes),
    recoveries: await db.$count(recoveries),
    entered: await db.$count(smsEnteredCodes),
    logged: await db.$count(smsVerificationLog),
  };
}

test('one round ends and removes all that is over, each thousand in a transaction of its own, and nothing else', async () => {
  const rows = 2 * batchRows + 1;
  await fill(rows, noon);
  await keepHouse(database.db, after(noon, -1));
  expect(await countLeft()).toEqual({ ...each(rows), logged: 0 });
  const statements = await recordStatements(database.pool, () => keepHouse(database.db, after(noon, 1)));
  expect(await countLeft()).toEqual({ ...each(0), logged: rows });
  // Of the chores that find nothing, four ask in a transaction, one of these and one other ask twice, and one asks five times.
  expect(statements).toHaveLength(12 * 3 + 30 + 3 * 3 + 2 * 4);
  const ended = await database.db.select().from(smsVerifications);
  expect(ended.every((row) => row.endedBy === 'expired' && row.endedAt?.getTime() === noon.getTime())).toBe(
    true,
  );
});

test('what someone holds at the moment is waited for by nobody, and done in the next round', async () => {
  await fill(3, noon);
  const holder = await database.pool.connect();
  const { userId } = bigPerson(2);
  try {
    await holder.query('begin');
    await holder.query(`select from sms_verifications where user_id = $1 for update`, [userId]);
    await holder.query(`select from sessions where user_id = $1 for update`, [userId]);
    await holder.query(`select from login_grants where user_id = $1 for update`, [userId]);
    await holder.query(`select from pending_tokens where user_id = $1 for update`, [userId]);
    await holder.query(`select from trusted_devices where user_id = $1 for update`, [userId]);
    await holder.query(`select from spent_passkey_challenges where challenge_hash = sha256('2') for update`);
    await holder.query(`select from sign_in_codes where user_id = $1 for update`, [userId]);
    await holder.query(`select from sms_entered_codes where challenge_id = $1 for update`, [userId]);
    await holder.query(`select from recoveries where email_key = '2' for update`);
    await holder.query(`select from rate_limits where key = '2' for update`);
    await holder.query(`select from sms_spend where scope = '2' for update`);
    await keepHouse(database.db, after(noon, 1));
    expect(await countLeft()).toEqual({ ...each(1), failures: 0, logged: 2 });
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  await keepHouse(database.db, after(noon, 2));
  expect(await countLeft()).toEqual({ ...each(0), logged: 3 });
});

test('the mark of a network goes off a mail after two hours, and not before', async () => {
  await database.pool.query(`truncate mails cascade`);
  await database.pool.query(
    `insert into mails (id, to_address, template, params, network, created_at, send_after, expires_at)
     select gen_random_uuid(), 'a@example.com', 'claimEmail', '{}', 'mark', $1::timestamptz - age, $1, $1
     from unnest('{1 hour 59 minutes,2 hours 1 minute}'::interval[]) age`,
    [noon],
  );
  await keepHouse(database.db, noon);
  const { rows } = await database.pool.query('select network from mails order by created_at');
  expect(rows).toEqual([{ network: null }, { network: 'mark' }]);
});

test('a chore that fails keeps no other from being done, and catches up in the next round', async () => {
  await fill(3, noon);
  await database.pool.query('alter table sessions rename to away');
  try {
    await keepHouse(database.db, after(noon, 1));
  } finally {
    await database.pool.query('alter table away rename to sessions');
  }
  expect(await countLeft()).toEqual({ ...each(0), sessions: 3, logged: 3 });
  await keepHouse(database.db, after(noon, 2));
  expect(await countLeft()).toMatchObject({ sessions: 0 });
});

test('a round that is told to stop begins no further batch', async () => {
  await fill(3, noon);
  expect(mostBatches).toBeGreaterThan(1);
  const stopping = new AbortController();
  stopping.abort();
  await keepHouse(database.db, after(noon, 1), { signal: stopping.signal });
  expect(await countLeft()).toMatchObject({ sessions: 3, logged: 0 });
});

test('what is removed is over by both clocks: one of ours that is a year ahead empties nothing', async () => {
  const now = new Date();
  const yearAhead = after(now, 365 * 24 * 3600);
  await fill(3, after(now, 60));
  await keepHouseByBothClocks(database.db, yearAhead);
  expect(await countLeft()).toEqual({ ...each(3), logged: 0 });
  await fill(3, after(now, -60));
  await keepHouseByBothClocks(database.db, after(now, -120));
  // What ends in time, ends by the database's clock: that a code was not entered is known, however late ours is.
  expect(await countLeft()).toMatchObject({ sessions: 3, limits: 3, logged: 3 });
  await keepHouseByBothClocks(database.db, yearAhead);
  expect(await countLeft()).toEqual({ ...each(0), logged: 3 });
});
