import { setTimeout as delay } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import { expect, test } from 'vitest';
import { openPool, workerPool } from '@/db/client';
import { findUser } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { keepHouse } from '@/lib/housekeeping';
import { runMailer } from '@/lib/mail/deliver';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { lockNumber } from '@/lib/sms/numbers/number';
import { useDatabase } from '../support/database';
import { openConsole } from '@/lib/sms/provider/console';
import { givePerson, newEmail, newPhone } from '../support/people';
import { askForCode, askForUpdate, makeEnv, makePerson, whenText } from '../support/texts';

const database = useDatabase();

test('a pool full of requests that wait for one number lets everyone else through before they give up', async () => {
  const phone = newPhone();
  const { userId } = await givePerson(database.db, { active: true });
  await database.db.transaction((tx) => lockNumber(tx, phone));
  const pool = openPool(database.url);
  const app = drizzle(pool);
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from phone_numbers where number = $1 for update', [phone]);
    const waiting = Array.from({ length: 10 }, () => app.transaction((tx) => lockNumber(tx, phone)));
    const settled = Promise.allSettled(waiting);
    expect(await findUser(app, userId)).toMatchObject({ id: userId });
    const outcomes = await settled;
    expect(outcomes.map(({ status }) => status)).toEqual(Array<string>(10).fill('rejected'));
    for (const outcome of outcomes) {
      // 55P03: lock_not_available.
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ cause: { code: '55P03' } });
    }
  } finally {
    await holder.query('rollback');
    holder.release();
    await pool.end();
  }
});

async function writeMails(count: number): Promise<string[]> {
  const emails = Array.from({ length: count }, newEmail);
  for (const email of emails) {
    const link = { purpose: 'claim', template: 'claimEmail', userId: null, email, now: new Date() } as const;
    await enqueueLinkMail(database.db, link);
  }
  return emails;
}

test.each([
  ['the rows of mails on their way', 'update mails set params = params'],
  ['the whole table of mails', 'lock table mails in share mode'],
])(
  'who holds %s leaves connections to everyone else, and each goes out once',
  async (_, hold) => {
    const pool = openPool(database.url);
    const app = drizzle(pool);
    const sent: string[] = [];
    let underWay = 0;
    let letGo = () => undefined as void;
    const isHeld = new Promise<void>((resolve) => (letGo = resolve));
    const transport = {
      send: async ({ to }: { to: string }) => {
        underWay += 1;
        await isHeld;
        sent.push(to);
        return { ok: true as const };
      },
      close: () => undefined,
    };
    const mail = { via: 'smtp', url: 'smtp://127.0.0.1:1', from: 'no-reply@example.com' } as const;
    const emails = await writeMails(32);
    const mailer = runMailer({
      db: app,
      env: { ...env(), databaseUrl: database.url, mail },
      transport,
      log: () => undefined,
    });
    const holder = await database.pool.connect();
    try {
      // Those that take their time leave their places to others.
      await expect.poll(() => underWay, { timeout: 20_000 }).toBe(32);
      await holder.query('begin');
      await holder.query(hold);
      letGo();
      await expect.poll(() => sent.length).toBe(32);
      let most = 0;
      for (let count = 0; count < 40; count += 1) {
        await delay(100);
        most = Math.max(most, pool.totalCount - pool.idleCount + pool.waitingCount);
      }
      expect(most).toBeLessThanOrEqual(5);
      if (hold.startsWith('update')) {
        // Nor are others' mails kept waiting.
        const [other] = await writeMails(1);
        await expect.poll(() => sent, { timeout: 10_000 }).toContain(other);
        emails.push(other!);
      }
      await holder.query('rollback');
      const isAllRecorded = async () => {
        const { rows } = await database.pool.query('select from mails where sent_at is null');
        return rows.length === 0;
      };
      await expect.poll(isAllRecorded, { timeout: 20_000 }).toBe(true);
      expect(sent.toSorted()).toEqual(emails.toSorted());
    } finally {
      letGo();
      await holder.query('rollback');
      holder.release();
      await mailer.stop();
      await pool.end();
    }
  },
  90_000,
);

test.each([
  ['accepted', 'update sms_messages set params = params'],
  ['refused', 'update sms_messages set params = params'],
  ['refused', 'update phone_numbers set number = number'],
])(
  'codes go out while someone holds what %s texts are recorded in: %s',
  async (answer, hold) => {
    const pool = openPool(database.url, workerPool);
    const sentTo: string[] = [];
    let letGo = () => undefined as void;
    const isHeld = new Promise<void>((resolve) => (letGo = resolve));
    const updates = new Set<string>();
    const provider = openConsole(() => undefined);
    const sendText: typeof provider.sendText = async (text) => {
      sentTo.push(text.to);
      if (!updates.has(text.to)) return provider.sendText(text);
      await isHeld;
      if (answer === 'accepted') return provider.sendText(text);
      return { outcome: 'refused', code: 30003, httpStatus: 400, retryAfterSeconds: null };
    };
    for (let count = 0; count < 48; count += 1) {
      const person = await makePerson(database.db);
      updates.add(person.phone);
      await askForUpdate(database.db, person);
    }
    const env = makeEnv(database.url, { SMS_MESSAGES_PER_SECOND: '1000', SMS_DAILY_BUDGET_USD: '1000' });
    const dispatcher = runDispatcher({
      db: drizzle(pool),
      env,
      // Long enough that none is looked up, and sent again, meanwhile.
      provider: { ...provider, lookUpAfterMs: 60_000, sendText },
      log: () => undefined,
    });
    const holder = await database.pool.connect();
    try {
      await expect.poll(() => sentTo.length, { timeout: 20_000 }).toBe(48);
      await holder.query('begin');
      await holder.query(hold);
      letGo();
      await delay(1_000);
      for (let count = 0; count < 5; count += 1) {
        const { messageId } = await askForCode(database.db, await makePerson(database.db));
        await whenText(database.db, messageId, ({ status }) => status === 'sent', 5_000);
      }
      await holder.query('rollback');
      expect(new Set(sentTo).size).toBe(sentTo.length);
    } finally {
      letGo();
      await holder.query('rollback');
      holder.release();
      await dispatcher.stop();
      await pool.end();
      await database.pool.query(`delete from sms_messages`);
    }
  },
  90_000,
);

test('who holds the row of the sender keeps texts back for no longer, and nothing else; the log says so', async () => {
  const pool = openPool(database.url, workerPool);
  const app = drizzle(pool);
  const lines: string[] = [];
  const env = makeEnv(database.url, {
    SMS_MESSAGES_PER_SECOND: '100',
    SMS_DAILY_BUDGET_USD: '1000',
    LOG_LEVEL: 'warn',
  });
  const provider = openConsole(() => undefined);
  const mailed: string[] = [];
  const transport = {
    send: async ({ to }: { to: string }) => {
      mailed.push(to);
      return { ok: true as const };
    },
    close: () => undefined,
  };
  const mail = { via: 'smtp', url: 'smtp://127.0.0.1:1', from: 'no-reply@example.com' } as const;
  const dispatcher = runDispatcher({ db: app, env, provider, log: (line) => void lines.push(line) });
  const mailer = runMailer({ db: app, env: { ...env, mail }, transport, log: () => undefined });
  const holder = await database.pool.connect();
  const first = await askForUpdate(database.db, await makePerson(database.db));
  try {
    await whenText(database.db, first, ({ status }) => status === 'sent');
    await holder.query('begin');
    await holder.query('select from sms_senders for update');
    const texts: string[] = [];
    for (let count = 0; count < 60; count += 1) {
      const person = await makePerson(database.db);
      texts.push(await askForUpdate(database.db, person));
      if (count % 10 === 0) texts.push((await askForCode(database.db, person)).messageId);
    }
    const [email] = await writeMails(1);
    await expect.poll(() => mailed, { timeout: 10_000 }).toContain(email);
    await database.pool.query(
      `insert into login_grants (token_hash, user_id, expires_at)
       select '\\x00', id, now() - interval '1 day' from users limit 1`,
    );
    await keepHouse(app, new Date());
    expect((await database.pool.query('select from login_grants')).rowCount).toBe(0);
    await delay(6_000);
    expect(lines.some((line) => line.includes('sms_budget_or_sender_held'))).toBe(true);
    const isUnsent = async () =>
      (await database.pool.query(`select from sms_messages where status <> 'sent'`)).rowCount;
    expect(await isUnsent()).toBe(texts.length);
    // All are due again within seconds, however long it lasts.
    const { rows: waiting } = await database.pool.query<{ seconds: number }>(
      `select extract(epoch from max(send_after) - clock_timestamp())::float8 as seconds from sms_messages where status <> 'sent'`,
    );
    expect(waiting[0]!.seconds).toBeLessThan(3);
    // On a busy machine texts miss their places in the pace, so it is the places that tell.
    const readSlot = async () =>
      (await database.pool.query<{ next_slot_at: Date }>('select next_slot_at from sms_senders')).rows[0]!
        .next_slot_at;
    const before = await readSlot();
    await holder.query('rollback');
    await expect.poll(async () => (await readSlot()) > before, { timeout: 15_000 }).toBe(true);
    const { rows } = await database.pool.query('select max(faults) as faults from sms_messages');
    expect(rows).toEqual([{ faults: 0 }]);
  } finally {
    await holder.query('rollback');
    holder.release();
    await Promise.all([dispatcher.stop(), mailer.stop()]);
    await pool.end();
    await database.pool.query(`delete from sms_messages`);
  }
}, 120_000);
