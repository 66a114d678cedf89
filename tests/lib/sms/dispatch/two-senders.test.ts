import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { smsSenders } from '@/db/schema/sms';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { newId } from '@/lib/random';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { readNumber, suppressedSenders } from '@/lib/sms/numbers/number';
import { recordStatements, useDatabase } from '../../../support/database';
import { startFakeTwilio, type FakeTwilio } from '../../../support/fake-twilio';
import { contextAt } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  fromPhone,
  makeEnv,
  makePerson,
  twilioVariables,
  whenText,
} from '../../../support/texts';

const database = useDatabase();
const codesPhone = '+15005550016';
/** What reservations of the budget wait for. */
const budgetLock = 7_316_004_253;

let fake: FakeTwilio;
let dispatcher: { stop(): Promise<void> } | null = null;

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_senders, sms_spend, rate_limits`);
  fake = await startFakeTwilio({ accountSid, authToken });
});

afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = null;
  await fake.stop();
});

const settings = (variables: Record<string, string> = {}) =>
  makeEnv(database.url, {
    ...twilioVariables(fake.url),
    TWILIO_CODES_FROM_PHONE: codesPhone,
    ...variables,
  });

function start(variables: Record<string, string> = {}): void {
  const env = settings(variables);
  dispatcher = runDispatcher({ env, db: database.db, log: () => undefined });
}

const sentFrom = () => new Map(fake.texts.map(({ to, from }) => [to, from]));

test('codes come from the second number, everything else from the first', async () => {
  const [asking, told, warned] = [
    await makePerson(database.db),
    await makePerson(database.db),
    await makePerson(database.db),
  ];
  const { messageId } = await askForCode(database.db, asking);
  const update = await askForUpdate(database.db, told);
  const notice = await askForUpdate(database.db, warned, {
    purpose: 'notice',
    template: 'phoneChanged',
    params: { url: 'http://localhost' },
  });
  start();
  for (const id of [messageId, update, notice]) {
    await whenText(database.db, id, ({ status }) => status === 'sent');
  }
  expect(sentFrom()).toEqual(
    new Map([
      [asking.phone, codesPhone],
      [told.phone, fromPhone],
      [warned.phone, fromPhone],
    ]),
  );
  expect((await database.db.select().from(smsSenders)).map(({ sender }) => sender).sort()).toEqual([
    fromPhone,
    codesPhone,
  ]);
});

test('an opt-out that Twilio knows of one sender stops that one: codes go on', async () => {
  fake.onCreate = ({ body }) =>
    body.includes('code') ? null : { kind: 'refuse', httpStatus: 400, code: 21610 };
  const person = await makePerson(database.db);
  const update = await askForUpdate(database.db, person);
  await withSettings({ twilio: settings().twilio }, async () => {
    start();
    await whenText(
      database.db,
      update,
      ({ status, reason }) => status === 'failed' && reason === 'opted_out',
    );
    expect(suppressedSenders(await readNumber(database.db, person.phone))).toEqual(['updates']);
    const { messageId } = await askForCode(database.db, person);
    await whenText(database.db, messageId, ({ status }) => status === 'sent');
    const next = await askForUpdate(database.db, person);
    const ended = await whenText(database.db, next, ({ status }) => status === 'failed');
    expect(ended.reason).toBe('stopped');
  });
});

test('a sender that is refused altogether rests alone, and keeps no text of the other', async () => {
  fake.onCreate = ({ body }) =>
    body.includes('code') ? null : { kind: 'refuse', httpStatus: 401, code: 20003 };
  const update = await askForUpdate(database.db, await makePerson(database.db));
  start();
  await whenText(database.db, update, ({ reason }) => reason === 'provider_authentication');
  const { messageId } = await askForCode(database.db, await makePerson(database.db));
  await whenText(database.db, messageId, ({ status }) => status === 'sent', 5_000);
  const [rests] = await database.db.select().from(smsSenders).where(eq(smsSenders.sender, fromPhone));
  const [sends] = await database.db.select().from(smsSenders).where(eq(smsSenders.sender, codesPhone));
  expect(rests!.stoppedUntil).not.toBeNull();
  expect(sends!.stoppedUntil).toBeNull();
});

test('each keeps its own pace: what fills one leaves the other free', async () => {
  for (let n = 0; n < 5; n += 1) await askForUpdate(database.db, await makePerson(database.db));
  const codes = [];
  for (let n = 0; n < 5; n += 1) {
    codes.push((await askForCode(database.db, await makePerson(database.db))).messageId);
  }
  start({ SMS_MESSAGES_PER_SECOND: '0.01', SMS_CODES_MESSAGES_PER_SECOND: '1000' });
  for (const id of codes) await whenText(database.db, id, ({ status }) => status === 'sent');
  // A hundred seconds lie between two of the others.
  expect(fake.texts.filter(({ from }) => from === fromPhone).length).toBeLessThanOrEqual(1);
  expect(fake.texts.filter(({ from }) => from === codesPhone)).toHaveLength(5);
});

test('a call of unknown outcome is looked up and sent again by the sender that made it', async () => {
  let tries = 0;
  fake.onCreate = () => ((tries += 1) === 1 ? { kind: 'reset' } : null);
  const { messageId } = await askForCode(database.db, await makePerson(database.db));
  start();
  const row = await whenText(database.db, messageId, ({ status }) => status === 'sent', 40_000);
  expect(row.sender).toBe(codesPhone);
  expect(fake.texts.map(({ from }) => from)).toEqual([codesPhone]);
}, 60_000);

test('a STOP to updates that ends consent to codes holds a code back that waits for the budget', async () => {
  const since = new Date(0);
  await withSettings({ twilio: settings().twilio, stopCoversAllFrom: since }, async () => {
    const { phone, userId } = await makePerson(database.db);
    const holder = await database.pool.connect();
    await holder.query('select pg_advisory_lock($1)', [budgetLock]);
    const { messageId } = await askForCode(database.db, { userId, phone });
    start({ STOP_COVERS_ALL_FROM: '2020-01-01' });
    await expect
      .poll(
        async () =>
          (await holder.query(`select from pg_locks where locktype = 'advisory' and not granted`)).rowCount,
      )
      .toBe(1);
    const text = { sid: `SM${newId().replaceAll('-', '')}`, from: phone, to: fromPhone, body: 'STOP' };
    await receiveText(
      database.db,
      { ...text, messagingServiceSid: null, optOutType: null },
      contextAt(new Date()),
    );
    await holder.query('select pg_advisory_unlock($1)', [budgetLock]);
    holder.release();
    await whenText(database.db, messageId, ({ status }) => status === 'failed' || status === 'sent');
    expect(fake.texts).toEqual([]);
  });
});

test.each(['update', 'code'] as const)(
  'the loop of the other sender claims nothing for any %s',
  async (kind) => {
    start({
      SMS_MESSAGES_PER_SECOND: '1000',
      SMS_CODES_MESSAGES_PER_SECOND: '1000',
      SMS_DAILY_BUDGET_USD: '1000',
    });
    const people = await Promise.all(Array.from({ length: 40 }, () => makePerson(database.db)));
    const first = await askForUpdate(database.db, await makePerson(database.db));
    await whenText(database.db, first, ({ status }) => status === 'sent');
    const statements = await recordStatements(database.pool, async () => {
      for (const person of people) {
        const id =
          kind === 'update'
            ? await askForUpdate(database.db, person)
            : (await askForCode(database.db, person)).messageId;
        await whenText(database.db, id, ({ status }) => status === 'sent');
      }
    });
    const claims = statements.filter((text) => text.includes('strangers as materialized'));
    const ofUpdates = claims.filter((text) =>
      text.includes(`status = 'queued' and purpose <> 'verification' and send_after <=`),
    ).length;
    const byOwn = kind === 'update' ? ofUpdates : claims.length - ofUpdates;
    expect(byOwn).toBeGreaterThan(30);
    expect(claims.length - byOwn).toBe(0);
  },
);
