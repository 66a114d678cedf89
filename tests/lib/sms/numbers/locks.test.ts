import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { redeemLoginGrant } from '@/lib/accounts/sessions';
import { deleteUser } from '@/lib/accounts/users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { lockForDeletion } from '@/lib/accounts/lock-users';
import { register } from '@/lib/auth/registration/register';
import { grantConsent } from '@/lib/consent/ledger';
import { capsOf, reserveSpend } from '@/lib/sms/capacity/budget';
import { cancelPhoneChange, startPhoneChange, removePhone } from '@/lib/sms/verification/change-phone';
import { requestCode } from '@/lib/sms/verification/request';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { optBackIn } from '@/lib/sms/inbound/opt-back-in';
import { lockNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { addSender, takeSlots } from '@/lib/sms/capacity/send-rate';
import { replacePendingPhone } from '@/lib/sms/verification/send-code';
import { checkCode } from '@/lib/sms/verification/check-code';
import { releaseTogether } from '../../../support/barrier';
import { useDatabase } from '../../../support/database';
import {
  after,
  contextAt,
  givePending,
  newPhone,
  noon,
  readCode,
  readUserRow,
  wrongCodes,
} from '../../../support/people';
import { giveSettledPerson, readTexts } from '../../../support/settled-person';
import { askForUpdate, makeEnv, makePerson } from '../../../support/texts';

const database = useDatabase();

/** Someone whose second number waits for its code. */
async function giveChanger() {
  const person = await giveSettledPerson(database.db);
  const next = newPhone();
  expect(await startPhoneChange(database.db, person, next, contextAt(noon))).toEqual({ ok: true });
  const [code] = await readTexts(database.db, next);
  return { person, next, code: code! };
}

/** Lets the tasks meet at the lock of a number, the first of them at its head. Out: their faults. */
async function meetAt(phone: string, ...tasks: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const lock = `select from phone_numbers where number = '${phone}' for update`;
  const ends = await releaseTogether(database.pool, lock, tasks.length, tasks);
  return ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
}

const stop = (phone: string) => () =>
  database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: after(noon, 5) }));

test('a number is changed once more while a STOP comes from the one that waited', async () => {
  const { person, next, code } = await giveChanger();
  const change = () => startPhoneChange(database.db, person, newPhone(), contextAt(after(noon, 5)));
  expect(await meetAt(next, stop(next), change)).toEqual([]);
  expect((await readTexts(database.db, next)).find(({ id }) => id === code.id)).toMatchObject({
    status: 'canceled',
  });
});

test('a number is changed once more while a failure of the waiting code is reported', async () => {
  const { person, next, code } = await giveChanger();
  const report = () =>
    applyStatus(database.db, {
      messageId: code.id,
      sid: `SM${code.id}`,
      status: 'undelivered',
      errorCode: 30_006,
      price: null,
      priceUnit: null,
      segments: null,
      to: next,
      now: after(noon, 5),
    });
  const change = () => startPhoneChange(database.db, person, newPhone(), contextAt(after(noon, 5)));
  expect(await meetAt(next, report, change)).toEqual([]);
});

test('a change is given up, or the number removed, while a code for the new one is checked', async () => {
  for (const end of [cancelPhoneChange, removePhone]) {
    const { person, next } = await giveChanger();
    const readFrom = { sessionId: person.sessionId };
    const prover = { ...person, purpose: 'prove' as const, phone: next, changesFrom: person.phone, readFrom };
    const wrong = wrongCodes(await readCode(database.db, person.userId), 1)[0]!;
    const check = () => checkCode(database.db, prover, wrong, contextAt(after(noon, 5)));
    const giveUp = () => end(database.db, person, contextAt(after(noon, 5)));
    expect(await meetAt(next, check, giveUp)).toEqual([]);
  }
});

test('a pending account is registered again while a STOP comes from a number that it had before', async () => {
  const pending = await givePending(database.db, newPhone());
  const [text] = await readTexts(database.db, pending.phone);
  await database.db.update(smsMessages).set({ status: 'sending' }).where(eq(smsMessages.id, text!.id));
  await replacePendingPhone(database.db, pending, newPhone(), contextAt(after(noon, 1)));
  // Its dispatcher puts the code for the number before back, to try again.
  await database.db.update(smsMessages).set({ status: 'queued' }).where(eq(smsMessages.id, text!.id));
  const { email } = (await readUserRow(database.db, pending.userId))!;
  const input = {
    name: 'Test Person',
    email,
    password: 'violet otter cactus',
    phone: null,
    smsOptIn: false,
    verifyPhone: false,
    tcpaConsent: false,
    timeZone: null,
  };
  const again = () => register(database.db, input, contextAt(after(noon, 5)));
  expect(await meetAt(pending.phone, stop(pending.phone), again)).toEqual([]);
});

test('of two changes at the same instant the later one withdraws the code of the earlier', async () => {
  const { person } = await giveChanger();
  const { userId } = person;
  const lock = `select from users where id = '${userId}' for update`;
  const change = () => startPhoneChange(database.db, person, newPhone(), contextAt(after(noon, 5)));
  const ends = await releaseTogether(database.pool, lock, 2, [change, change]);
  expect(ends).toEqual(ends.map(() => ({ status: 'fulfilled', value: { ok: true } })));
  const texts = await database.db.select().from(smsMessages).where(eq(smsMessages.userId, userId));
  expect(texts.map((text) => text.status).sort()).toEqual(['canceled', 'canceled', 'queued']);
});

test('texts are withdrawn in the order of their ids, so that two withdrawals cannot wait for each other', async () => {
  const { userId, phone } = await giveSettledPerson(database.db);
  const ids: string[] = [];
  for (let i = 0; i < 12; i += 1) {
    const when = { now: after(noon, -i), sendAfter: after(noon, 3600) };
    ids.push(await askForUpdate(database.db, { userId, phone: phone! }, when));
  }
  const [first] = ids.sort();
  const locked = `select from sms_messages where id = '${first}' for update`;
  const withdraw = () =>
    database.db.transaction((tx) => cancelTexts(tx, { userId, phone: phone! }, 'stopped', noon));
  const countFree = async () => {
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await database.pool.query(waiting)).rowCount === 0);
    const free = `select from sms_messages where user_id = $1 for update skip locked`;
    const { rowCount } = await database.pool.query(free, [userId]);
    await database.pool.query(locked);
    return rowCount;
  };
  const ends = await releaseTogether<number | null>(database.pool, locked, 2, [withdraw, countFree]);
  expect(ends).toEqual([
    { status: 'fulfilled', value: ids.length },
    { status: 'fulfilled', value: ids.length - 1 },
  ]);
});

test('a login grant is redeemed while its account is deleted', async () => {
  const { db, pool } = database;
  const { userId } = await giveSettledPerson(db);
  const { grant } = await mintLoginGrant(db, userId, noon);
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  const { redeeming } = await db.transaction(async (tx) => {
    await lockForDeletion(tx, userId);
    const begun = Promise.allSettled([redeemLoginGrant(db, grant, contextAt(noon))]);
    while ((await pool.query(waiting)).rowCount === 0);
    await deleteUser(tx, userId);
    return { redeeming: begun };
  });
  expect(await redeeming).toEqual([{ status: 'fulfilled', value: null }]);
});

test('a START comes from two numbers that the same people wait for', async () => {
  const { db, pool } = database;
  const [first, second] = [newPhone(), newPhone()];
  const people = [await givePending(db, first), await givePending(db, first, after(noon, 1))];
  // At the other number they asked the other way round.
  for (const { userId } of people.toReversed()) {
    await db.transaction(async (tx) => {
      const context = contextAt(after(noon, 60));
      const consent = { userId, phone: second, scopes: ['verification'], medium: 'registration' } as const;
      await grantConsent(tx, consent, context);
      const asked = { userId, purpose: 'activate', number: await lockNumber(tx, second) } as const;
      expect(await requestCode(tx, asked, context)).toMatchObject({ ok: true });
    });
  }
  for (const phone of [first, second]) {
    await db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: after(noon, 70) }));
  }
  const ids = people.map(({ userId }) => `'${userId}'`).join();
  const lock = `select from sms_verifications where user_id in (${ids}) and ended_at is null for update`;
  const start = (phone: string) => () =>
    db.transaction((tx) => optBackIn(tx, phone, contextAt(after(noon, 120))));
  const ends = await releaseTogether(pool, lock, 2, [start(first), start(second)]);
  expect(ends).toEqual(
    ends.map(() => ({ status: 'fulfilled', value: { wasBlocked: true, isTooOften: false, stay: [] } })),
  );
  const texts = await db.select().from(smsMessages).where(eq(smsMessages.status, 'queued'));
  for (const { userId } of people) expect(texts.some((text) => text.userId === userId)).toBe(true);
});

test('failures that have the sender rest are reported while prices are reserved in the same minute', async () => {
  const sender = '+15005550006';
  const { authSecrets } = makeEnv(database.url);
  const budget = { perUserMicros: 1e9, totalMicros: 1e9 };
  await addSender(database.db, sender);
  const reserve = async () => {
    const person = await makePerson(database.db);
    const messageId = await askForUpdate(database.db, person);
    const lease = new Date(Date.now() + 60_000);
    await database.db
      .update(smsMessages)
      .set({ status: 'sending', sender, leaseUntil: lease })
      .where(eq(smsMessages.id, messageId));
    const payer = { ...person, emailKey: person.userId, emailProven: false };
    const text = { ...payer, purpose: 'update', sendClass: null, network: null, wideNetwork: null };
    const caps = capsOf({ ...text, priceMicros: 7900 }, budget, authSecrets);
    const texts = [{ messageId, priceMicros: 7900, segments: 1, caps }];
    await reserveSpend(database.db, { texts, lease, now: noon }, async (tx) => {
      await takeSlots(tx, { sender, messagesPerSecond: 1000, count: 1, leadMs: 0 });
    });
    return { messageId, to: person.phone };
  };
  for (let round = 0; round < 10; round += 1) {
    const failed = await Promise.all([reserve(), reserve(), reserve()]);
    const report = {
      sid: '',
      status: 'failed',
      errorCode: 30022,
      price: null,
      priceUnit: null,
      segments: null,
    };
    await Promise.all([
      ...failed.map((text) =>
        applyStatus(database.db, { ...report, ...text, sid: `SM${text.messageId}`, now: noon }),
      ),
      reserve(),
      reserve(),
      reserve(),
    ]);
  }
});
