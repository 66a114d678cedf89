import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { noticeRemoval } from '@/lib/sms/outbox/removal-notice';
import type { SecurityEvent } from '@/lib/sms/preferences/security-notice';
import { openConsole } from '@/lib/sms/provider/console';
import { useDatabase } from '../../../support/database';
import { askForCode, askForUpdate, makeEnv, makePerson, whenText, type Person } from '../../../support/texts';

const database = useDatabase();
const hourMs = 3600 * 1000;
const lines: string[] = [];
let dispatcher: { stop(): Promise<void> };

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_senders, sms_spend`);
});

afterEach(() => dispatcher.stop());

function start(variables: Record<string, string> = {}): void {
  const env = makeEnv(database.url, { LOG_LEVEL: 'warn', ...variables });
  const provider = openConsole(() => undefined);
  dispatcher = runDispatcher({ env, db: database.db, provider, log: (line) => void lines.push(line) });
}

/** A notice about an account's security, worthless at `expiresAt`. */
const giveNotice = (person: Person, expiresAt: Date, event: SecurityEvent = 'your password was changed') =>
  askForUpdate(database.db, person, {
    purpose: 'notice',
    template: 'securityNotice',
    params: { event, url: 'http://localhost' },
    expiresAt,
  } as never);

test('what codes and updates have spent of a person’s cap keeps no notice to the former number back', async () => {
  start();
  const person = await makePerson(database.db);
  for (let sent = 0; sent < 12; sent += 1) await askForUpdate(database.db, person);
  const over = await askForUpdate(database.db, person);
  await whenText(database.db, over, ({ reason }) => reason === 'budget');
  await database.db.transaction((tx) =>
    noticeRemoval(tx, { userId: person.userId, phone: person.phone, replaced: true, now: new Date() }),
  );
  const { rows } = await database.db.execute<{ id: string }>(
    sql`select id from sms_messages where template = 'phoneChanged'`,
  );
  await whenText(database.db, rows[0]!.id, ({ status }) => status === 'sent');
  // Neither does it spend what is theirs.
  const { rows: sums } = await database.db.execute<{ kinds: string[] }>(
    sql`select array_agg(distinct split_part(scope, ':', 1)) as kinds from sms_messages, unnest(spend_scopes) scope
      where template = 'phoneChanged'`,
  );
  expect(sums[0]!.kinds).toEqual(['all', 'notice', 'notice-number']);
});

test('one phone gets no more notices in a day than one account may send, however many accounts it goes through', async () => {
  start({ SMS_DAILY_BUDGET_PER_USER_USD: '0.0158' });
  const phone = '+14155550171';
  const expiresAt = new Date(Date.now() + 24 * hourMs);
  const give = async () => giveNotice(await takePhone(phone), expiresAt);
  for (const id of [await give(), await give()]) {
    await whenText(database.db, id, ({ status }) => status === 'sent');
  }
  const over = await whenText(database.db, await give(), ({ reason }) => reason === 'budget');
  expect(over.details).toMatchObject({ rule: 'SMS_DAILY_BUDGET_PER_USER_USD', spentMicros: '15800' });
  expect(lines.filter((line) => line.includes('sms_over_budget') && line.includes(over.id))).toHaveLength(1);
  // Codes have what they had.
  const { messageId } = await askForCode(database.db, await takePhone(phone));
  await whenText(database.db, messageId, ({ status }) => status === 'sent');
});

test('notices of what may happen many times a day leave room for those by which someone takes an account', async () => {
  start({ SMS_DAILY_BUDGET_PER_USER_USD: '0.0395' });
  const person = await makePerson(database.db);
  const expiresAt = new Date(Date.now() + 24 * hourMs);
  const everyday = (event: SecurityEvent = 'new recovery codes were made') =>
    giveNotice(person, expiresAt, event);
  // Of a cap of five texts they have three.
  for (const id of [await everyday(), await everyday('codes by text were turned off'), await everyday()]) {
    await whenText(database.db, id, ({ status }) => status === 'sent');
  }
  const over = await whenText(database.db, await everyday(), ({ reason }) => reason === 'budget');
  expect(over.details).toMatchObject({ rule: 'SMS_DAILY_BUDGET_PER_USER_USD', limitMicros: '23700' });
  const changed = await giveNotice(person, expiresAt);
  await whenText(database.db, changed, ({ status }) => status === 'sent');
  await database.db.transaction((tx) =>
    noticeRemoval(tx, { userId: person.userId, phone: person.phone, replaced: false, now: new Date() }),
  );
  const { rows } = await database.db.execute<{ id: string }>(
    sql`select id from sms_messages where params ->> 'event' like '%number%'`,
  );
  await whenText(database.db, rows[0]!.id, ({ status }) => status === 'sent');
  await whenText(database.db, await giveNotice(person, expiresAt), ({ reason }) => reason === 'budget');
});

/** A new account that has proven a number, which its account of before has lost. */
async function takePhone(phone: string): Promise<Person> {
  await database.db.execute(sql`update users set phone = null where phone = ${phone}`);
  await database.db.execute(sql`update phone_numbers set holder_user_id = null where number = ${phone}`);
  return makePerson(database.db, { phone });
}

describe('no text waits for longer than it is worth anything', () => {
  /** A notice that finds its cap used up. */
  async function giveNoticeOverCap(expiresAt: Date): Promise<string> {
    const person = await makePerson(database.db);
    start({ SMS_DAILY_BUDGET_PER_USER_USD: '0.0079' });
    const first = await giveNotice(person, new Date(Date.now() + 24 * hourMs));
    await whenText(database.db, first, ({ status }) => status === 'sent');
    return giveNotice(person, expiresAt);
  }

  test('one that expires before its cap has room for sure is tried again a minute before, and ends then', async () => {
    const expiresAt = new Date(Date.now() + 2 * hourMs);
    const id = await giveNoticeOverCap(expiresAt);
    const waiting = await whenText(database.db, id, ({ reason }) => reason === 'budget');
    expect(waiting).toMatchObject({ status: 'queued', sendAfter: new Date(expiresAt.getTime() - 60_000) });
    await database.db.execute(sql`
      update sms_messages set send_after = now(), expires_at = now() + interval '50 seconds' where id = ${id}`);
    await database.db.execute(sql`select pg_notify('doorstep_outbox', '')`);
    const ended = await whenText(database.db, id, ({ status }) => status === 'failed');
    expect(ended.reason).toBe('budget');
  });

  test('one that would be held by quiet hours beyond its end ends there', async () => {
    const now = new Date();
    const hour = (ms: number) => new Date(now.getTime() + ms).toISOString().slice(11, 16);
    const quietHours = { start: hour(-hourMs), end: hour(10 * hourMs) };
    const person = await makePerson(database.db, { quietHours, timeZone: 'UTC' });
    const expiresAt = new Date(now.getTime() + hourMs);
    start();
    const id = await askForUpdate(database.db, person, { expiresAt });
    const held = await whenText(database.db, id, ({ reason }) => reason === 'quiet_hours');
    expect(held).toMatchObject({ status: 'queued', sendAfter: expiresAt });
  });
});
