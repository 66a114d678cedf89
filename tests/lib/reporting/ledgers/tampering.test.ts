import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { openPool, workerPool, type Db } from '@/db/client';
import { countDifferences, readLedgerState } from '@/lib/alarms/ledger-checks';
import { keepHouse } from '@/lib/housekeeping';
import { checkAllLedgers, checkLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { recordStatements, useDatabase } from '../../../support/database';
import { startFakeTwilio } from '../../../support/fake-twilio';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  makeEnv,
  makePerson,
  twilioVariables,
  type Person,
} from '../../../support/texts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const database = useDatabase();
const dayMs = 24 * 3_600_000;

/** The next two nights: in the first what happened is summed up, before the second someone is at the database. */
const firstNight = new Date(Date.now() + dayMs);
const secondNight = new Date(Date.now() + 2 * dayMs);

let people: Person[];
let stopped: Person;
let updates: string[];

/** Some people, texts that arrive or fail and are paid for, and one who says STOP: an ordinary day, told to its end. */
beforeAll(async () => {
  const fake = await startFakeTwilio({ accountSid, authToken });
  const env = { ...makeEnv(database.url, twilioVariables(fake.url)), smsMessagesPerSecond: null };
  people = [];
  updates = [];
  for (let n = 0; n < 6; n += 1) {
    const person = await makePerson(database.db);
    people.push(person);
    updates.push(await askForUpdate(database.db, person));
    await askForCode(database.db, person);
  }
  const dispatcher = runDispatcher({
    env,
    db: database.db,
    provider: await openProvider(env),
    log: () => undefined,
  });
  for (let tries = 0; tries < 400 && fake.texts.length < 12; tries += 1) await delay(50);
  await delay(300);
  await dispatcher.stop();
  for (const [n, text] of fake.texts.entries()) {
    const { rows } = await database.db.execute<{ id: string }>(
      sql`select id from sms_messages where provider_sid = ${text.sid}`,
    );
    const failed = n === 3;
    const result = await applyStatus(database.db, {
      ...{ messageId: rows[0]!.id, sid: text.sid, to: text.to, segments: 1, now: new Date() },
      ...{ status: failed ? 'undelivered' : 'delivered', errorCode: failed ? 30005 : null },
      // The last price is still to come.
      ...{ price: n === 11 ? null : '-0.0083', priceUnit: 'USD' },
    });
    expect(result).toMatchObject({ ok: true });
  }
  await fake.stop();
  stopped = people[5]!;
  await database.db.transaction((tx) =>
    optOut(tx, { phone: stopped.phone, by: 'sms_stop', now: new Date(Date.now() + 5 * 60_000) }),
  );
  await rollUpDays(database.db, firstNight, 30);
}, 120_000);

class TakenBack extends Error {}

/** Does something to the database that nothing of ours would do, hands it over, and takes all of it back. */
async function afterTampering(statement: string, values: unknown[], then: (db: Db) => Promise<void>) {
  const text = values.reduce<string>(
    (all, value, n) => all.replaceAll(`$${n + 1}`, `'${String(value)}'`),
    statement,
  );
  const done = database.db.transaction(async (tx) => {
    await tx.execute(sql`alter table sms_consents disable trigger user`);
    await tx.execute(sql`alter table sms_opt_outs disable trigger user`);
    const { rowCount } = await tx.execute(sql.raw(text));
    expect(rowCount).toBeGreaterThan(0);
    await then(tx as unknown as Db);
    throw new TakenBack();
  });
  await expect(done).rejects.toThrow(TakenBack);
}

async function findKinds(db: Db, now = secondNight): Promise<string[]> {
  const kinds = new Set<string>();
  await checkAllLedgers(db, now, (part, came) => {
    if (typeof came === 'string') throw new Error(`${part} was not checked`);
    for (const { kind } of came) kinds.add(kind);
  });
  return [...kinds].sort();
}

const today = `at > now() - interval '2 days'`;

describe('what someone does to the database by hand is found the next night', () => {
  test('nothing is found where nobody did', async () => {
    expect(await findKinds(database.db)).toEqual([]);
    expect(await findKinds(database.db, new Date())).toEqual([]);
    await database.pool.query('truncate ledger_checks');
  });

  const acts: Record<
    string,
    [statement: string, values: () => unknown[], kinds: string[], now?: () => Date]
  > = {
    'a text is deleted': [`delete from sms_messages where id = $1`, () => [updates[0]], ['sums_and_texts']],
    'a text is added': [
      `insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, failed_at)
         select gen_random_uuid(), '+12125550100', 'update', 'applicationStatus', now() - interval '1 minute', now(), 'canceled', now()`,
      () => [],
      ['sums_and_texts'],
    ],
    'a receipt is deleted': [
      `update sms_messages set delivered_at = null where id = $1`,
      () => [updates[0]],
      ['sums_and_texts', 'text_contradicts_itself'],
    ],
    'a receipt is deleted with every trace in its row': [
      `update sms_messages set delivered_at = null, provider_status = 'sent', status = 'sent' where id = $1`,
      () => [updates[0]],
      ['sums_and_texts'],
    ],
    'a failure is made a delivery': [
      `update sms_messages set status = 'delivered' where status = 'failed'`,
      () => [],
      ['sums_and_texts', 'text_contradicts_itself'],
    ],
    'a settled price is changed': [
      `update sms_messages set price = 0.0001 where id = $1`,
      () => [updates[1]],
      ['sums_and_texts'],
    ],
    'a price is changed on the same day': [
      `update sms_messages set price = 0.0001 where id = $1`,
      () => [updates[1]],
      ['budget_and_prices'],
      () => new Date(),
    ],
    'an estimate is changed': [
      `update sms_messages set price = 0.5 where price_settled_at is null and sent_at is not null`,
      () => [],
      ['text_contradicts_itself'],
    ],
    'a sum of an hour is changed': [
      `update sms_rollups set sent = sent + 1 where kind = 'hour' and key = 'update' and ${today}`,
      () => [],
      ['sums_and_parts', 'sums_and_texts'],
    ],
    'the money of an hour and its day is changed': [
      `update sms_rollups set settled_usd = settled_usd + 1 where kind in ('hour', 'purpose') and key = 'update' and ${today}`,
      () => [],
      ['sums_and_parts', 'sums_and_texts'],
    ],
    'a sum of a purpose is changed': [
      `update sms_rollups set latencies[3] = latencies[3] + 1 where kind = 'purpose' and key = 'update' and ${today}`,
      () => [],
      ['sums_and_parts'],
    ],
    'a sum of an area is changed': [
      `update sms_rollups set texts = texts - 1 where kind = 'area' and ${today}`,
      () => [],
      ['sums_and_parts', 'sums_and_texts'],
    ],
    'the sums of a day are deleted': [`delete from sms_rollups where ${today}`, () => [], ['sums_and_texts']],
    'a minute of the budget is changed': [
      `update sms_spend set micros = micros - 1 where scope = 'all'`,
      () => [],
      ['budget_and_prices'],
      () => new Date(),
    ],
    'a minute of one cap is deleted': [
      `delete from sms_spend where scope <> 'all'`,
      () => [],
      ['budget_and_prices'],
      () => new Date(),
    ],
    'a consent is added': [
      `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
         select at, user_id, phone, scope, action, medium, wording_version, wording, sender from sms_consents
         where user_id = $1 and action = 'granted' and scope = 'updates'`,
      () => [people[0]!.userId],
      ['consent_without_origin'],
    ],
    'a consent is deleted': [
      `with details as (delete from sms_consent_details where user_id = $1)
         update sms_consents set action = 'withdrawn', at = at - interval '1 hour' where user_id = $1 and scope = 'updates'`,
      () => [people[0]!.userId],
      ['update_without_consent', 'withdrawn_without_consent', 'consent_without_origin'].sort(),
    ],
    'a consent to codes is deleted': [
      `with details as (delete from sms_consent_details where user_id = $1)
         update sms_consents set action = 'withdrawn', at = at - interval '1 hour' where user_id = $1 and scope = 'verification'`,
      () => [people[0]!.userId],
      ['code_without_consent', 'withdrawn_without_consent', 'consent_without_origin'].sort(),
    ],
    'a word of a wording is changed': [
      `update sms_consents set wording = replace(wording, 'fewer than 10', 'fewer than 30') where user_id = $1`,
      () => [people[0]!.userId],
      ['wording_differs'],
    ],
    'a wording names another sender': [
      `update sms_consents set legal_sender = 'Another company' where user_id = $1 and scope = 'updates'`,
      () => [people[0]!.userId],
      ['wording_differs'],
    ],
    'a wording and its sender are changed together': [
      `update sms_consents set sender = 'Elsewhere', wording = replace(wording, 'Doorstep', 'Elsewhere')
         where user_id = $1 and scope = 'updates'`,
      () => [people[0]!.userId],
      ['wording_differs'],
    ],
    'a version is changed to one that never was': [
      `update sms_consents set wording_version = '2031-01-1' where user_id = $1 and scope = 'updates'`,
      () => [people[0]!.userId],
      ['wording_differs'],
    ],
    'a withdrawal is deleted': [
      `delete from sms_consents where action = 'withdrawn'`,
      () => [],
      ['consent_despite_stop'],
    ],
    'an opt-out is deleted': [
      `delete from sms_opt_outs`,
      () => [],
      ['blocked_without_opt_out', 'sums_and_opt_outs'],
    ],
    'an opt-out is added': [
      `insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by)
         values (now() - interval '3 minutes', $1, 'opted_out', 'text', '{verification,updates}', 'inbound_webhook')`,
      () => [people[0]!.phone],
      ['opt_out_without_block', 'sums_and_opt_outs', 'text_after_opt_out'],
    ],
    'a block is lifted': [
      `update phone_numbers set suppressed_at = null where number = $1`,
      () => [stopped.phone],
      ['opt_out_without_block'],
    ],
    'a number is blocked': [
      `update phone_numbers set suppressed_at = now() where number = $1`,
      () => [people[0]!.phone],
      ['blocked_without_opt_out'],
    ],
    'texts are turned off and the consent stays': [
      `update sms_preferences set enabled = false where user_id = $1`,
      () => [people[0]!.userId],
      ['consent_though_off'],
    ],
    'an account is deleted': [
      `with gone as (update sms_messages set user_id = null where user_id = $1), mine as (delete from sms_preferences where user_id = $1)
         delete from users where id = $1`,
      () => [people[0]!.userId],
      ['consent_without_account'],
    ],
  };
  test.each(Object.entries(acts))('%s', async (_, [statement, values, kinds, now]) => {
    await afterTampering(statement, values(), async (db) => {
      expect(await findKinds(db, now?.())).toEqual(kinds);
    });
  });
});

describe('the check of a night', () => {
  const truncate = () => database.pool.query('truncate ledger_checks');
  const parts = 6;
  const checkedParts = async () => {
    const { rows } = await database.pool.query<{ part: string }>(
      'select part from ledger_checks where checked_at is not null order by part',
    );
    return rows.map(({ part }) => part);
  };

  test('is made once, however many processes do it at the same time, and again the next night', async () => {
    await truncate();
    const processes = Array.from({ length: 4 }, () => checkLedgers(database.db, secondNight, 50));
    expect((await Promise.all(processes)).reduce((sum, checked) => sum + checked, 0)).toBe(parts);
    expect(await checkedParts()).toHaveLength(parts);
    expect(await checkLedgers(database.db, new Date(secondNight.getTime() + 60_000), 50)).toBe(0);
    expect(await checkLedgers(database.db, new Date(secondNight.getTime() + dayMs), 50)).toBe(parts);
  });

  test('goes on where a process was killed, as soon as its ten minutes are over', async () => {
    await truncate();
    // It was at one part when it died, and had checked another.
    expect(await checkLedgers(database.db, secondNight, 1)).toBe(1);
    await database.pool.query(`insert into ledger_checks (part, leased_until) values ('numbers', $1)`, [
      new Date(secondNight.getTime() + 10 * 60_000),
    ]);
    const after = (minutes: number) => new Date(secondNight.getTime() + minutes * 60_000);
    expect(await checkLedgers(database.db, after(1), 50)).toBe(parts - 2);
    expect(await checkLedgers(database.db, after(9), 50)).toBe(0);
    expect(await checkLedgers(database.db, after(11), 50)).toBe(1);
    expect(await checkedParts()).toHaveLength(parts);
  });

  test('leaves out what is locked, waits for nobody, holds nobody up, and comes back to it', async () => {
    await truncate();
    const pool = openPool(database.url, workerPool);
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      // The day, the opt-outs, the consents and their wordings cannot be read without it.
      await holder.query('lock table sms_consents in access exclusive mode');
      const began = Date.now();
      expect(await checkLedgers(drizzle(pool), secondNight, 50)).toBe(parts - 4);
      expect(Date.now() - began).toBeLessThan(10_000);
      await holder.query('rollback');
      expect(await checkLedgers(drizzle(pool), new Date(secondNight.getTime() + 11 * 60_000), 50)).toBe(4);
    } finally {
      holder.release();
      await pool.end();
    }
  });

  test('reads in short transactions that can change nothing, each with a limit of its own', async () => {
    await truncate();
    const statements = await recordStatements(database.pool, () =>
      checkLedgers(database.db, secondNight, 50),
    );
    const begun = statements.filter((statement) => /^begin/i.test(statement));
    expect(begun.length).toBe(3 + 4 + 24 * 6 + 1 + 1 + 2 + 2);
    expect(begun.every((statement) => /read only/i.test(statement))).toBe(true);
    expect(statements.filter((statement) => /set local statement_timeout/.test(statement))).toHaveLength(
      begun.length,
    );
  });

  test('a difference is kept until a later check does not find it any more', async () => {
    await truncate();
    const block = (at: string) =>
      database.pool.query(`update phone_numbers set suppressed_at = ${at} where number = $1`, [
        people[0]!.phone,
      ]);
    await block('now()');
    await keepHouse(database.db, secondNight);
    const found = { kind: 'blocked_without_opt_out', count: 1, examples: [] };
    const state = await readLedgerState(database.db);
    expect(state.parts).toEqual([{ part: 'numbers', foundAt: secondNight, differences: [found] }]);
    expect(countDifferences(state)).toMatchObject({
      blocked_without_opt_out: 1,
      sums_and_texts: 0,
    });
    const thirdNight = new Date(secondNight.getTime() + dayMs);
    await checkLedgers(database.db, thirdNight, 50);
    expect((await readLedgerState(database.db)).parts[0]!.foundAt).toEqual(secondNight);
    await block('null');
    await checkLedgers(database.db, new Date(thirdNight.getTime() + dayMs), 50);
    expect((await readLedgerState(database.db)).parts).toEqual([]);
  });
});
