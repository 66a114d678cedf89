import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LedgerDifference } from '@/db/schema/alarms';
import { grantConsent } from '@/lib/consent/ledger';
import { env, type Retention } from '@/lib/env';
import { newId } from '@/lib/random';
import { checkAllLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { eraseOldTexts } from '@/lib/sms/outbox/erase-texts';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { useDatabase } from '../../../support/database';
import { contextAt } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import { fromPhone, makePerson, twilioVariables, type Person } from '../../../support/texts';

vi.setConfig({ testTimeout: 60_000 });
Object.assign(process.env, twilioVariables('http://127.0.0.1:9'));

const database = useDatabase();
const dayMs = 24 * 3_600_000;
const settings = env() as { reportTimeZone: string; retention: Retention };
const { reportTimeZone, retention } = settings;

beforeEach(async () => {
  await database.pool.query(`
    alter table sms_consents disable trigger user;
    alter table sms_opt_outs disable trigger user;
    truncate users, phone_numbers, sms_messages, sms_consents, sms_opt_outs, sms_spend, sms_rollups, event_rollups, rolled_days,
      ledger_checks, audit_log cascade;
    alter table sms_consents enable trigger user;
    alter table sms_opt_outs enable trigger user`);
});
afterEach(() => {
  Object.assign(settings, { reportTimeZone, retention });
});

/** A person who registered and consented a day before some moment. */
async function makePersonBefore(moment: Date): Promise<Person> {
  const person = await makePerson(database.db);
  const at = new Date(moment.getTime() - dayMs);
  await database.pool.query('alter table sms_consents disable trigger user');
  await database.pool.query('update sms_consents set at = $1', [at]);
  await database.pool.query('alter table sms_consents enable trigger user');
  await database.pool.query('update users set created_at = $1', [at]);
  return person;
}

function receive(
  { phone }: Person,
  body: string,
  { now, sentAt, to = fromPhone }: { now: Date; sentAt?: Date; to?: string },
) {
  const text = { sid: `SM${newId().replaceAll('-', '')}`, from: phone, to, body };
  return receiveText(
    database.db,
    { ...text, messagingServiceSid: null, optOutType: null },
    contextAt(now),
    sentAt ? { late: { sentAt, earlier: new Set(), later: new Set() } } : undefined,
  );
}

/** What the check finds, by part. */
async function check(now: Date): Promise<Record<string, LedgerDifference[] | string>> {
  const found: Record<string, LedgerDifference[] | string> = {};
  await checkAllLedgers(database.db, now, (part, came) => {
    if (typeof came === 'string' || came.length > 0) found[part] = came;
  });
  return found;
}

test('opt-outs that are older than attempts are kept follow a change of the zone of reports', async () => {
  settings.retention = { ...retention, attemptsDays: 10 };
  const now = new Date('2025-10-15T17:00:00Z');
  // By the zone of before the one is of the 1st and the other of the 2nd; by the new one both are of the 2nd.
  const [first, second] = [new Date('2025-10-02T01:00:00Z'), new Date('2025-10-02T12:00:00Z')];
  for (const at of [first, second]) {
    const { phone } = await makePersonBefore(first);
    await database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: at }));
  }
  await rollUpDays(database.db, new Date('2025-10-03T12:00:00Z'), 30);
  await rollUpDays(database.db, now, 1_000);
  expect(await check(now)).toEqual({});
  settings.reportTimeZone = 'Europe/Berlin';
  await rollUpDays(database.db, now, 1_000);
  expect(await check(now)).toEqual({});
  const { rows } = await database.pool.query(
    `select at, times::int from event_rollups where key = 'opted_out' order by at`,
  );
  expect(rows).toEqual([{ at: new Date('2025-10-01T22:00:00Z'), times: 2 }]);
});

test('a text that was found late may be erased by its age', async () => {
  const now = new Date();
  const sentAt = new Date(now.getTime() - 12 * dayMs);
  const person = await makePersonBefore(sentAt);
  await rollUpDays(database.db, now, 1_000);
  await receive(person, 'Thanks', { now, sentAt });
  expect(await check(now)).toEqual({});
  await eraseOldTexts(database.db, { before: now, now }, 100);
  expect(await check(now)).toEqual({});
});

/** A code that went out to a number at a moment, to someone (null: whose account is gone), from one of our senders. */
async function giveCodeSent(
  phone: string,
  at: Date,
  { userId = null, sender = '+15550001111' }: { userId?: string | null; sender?: string } = {},
): Promise<void> {
  await database.db.execute(sql`
    insert into sms_messages (id, user_id, phone, purpose, template, status, created_at, send_after, attempts, sender, provider_sid,
      provider_status, sent_at, delivered_at, segments, price, estimated_price, price_settled_at, reserved_at)
    select gen_random_uuid(), ${userId}::uuid, ${phone}, 'verification', 'code', 'delivered', at, at, 1, ${sender},
      'SM' || md5(random()::text), 'delivered', at, at, 1, 0.0083, 0.0083, at, at
    from (select ${at.toISOString()}::timestamptz as at) sent`);
}

const findsOfDays = async () =>
  Object.keys(await check(new Date())).filter((part) => part.startsWith('day '));

test('a code goes out after START, though the STOP was heard by a clock that was an hour ahead', async () => {
  const stoppedAt = new Date(Date.now() - 2 * dayMs);
  const person = await makePersonBefore(stoppedAt);
  const ahead = new Date(stoppedAt.getTime() + 3_600_000);
  await database.db.transaction((tx) => optOut(tx, { phone: person.phone, by: 'sms_stop', now: ahead }));
  await receive(person, 'START', { now: new Date(stoppedAt.getTime() + 600_000) });
  await giveCodeSent(person.phone, new Date(ahead.getTime() + 600_000));
  await rollUpDays(database.db, new Date(), 1_000);
  expect(await findsOfDays()).toEqual([]);
});

test.each([-30, 1, 90])(
  'a code goes out after START, by a clock that is %i seconds ahead of the one START was heard by',
  async (ahead) => {
    const stoppedAt = new Date(Date.now() - 2 * dayMs);
    const startedAt = new Date(stoppedAt.getTime() + 3_600_000);
    const person = await makePersonBefore(stoppedAt);
    await database.db.transaction((tx) =>
      optOut(tx, { phone: person.phone, by: 'sms_stop', now: stoppedAt }),
    );
    await receive(person, 'START', { now: startedAt });
    await giveCodeSent(person.phone, new Date(startedAt.getTime() - ahead * 1_000));
    await rollUpDays(database.db, new Date(), 1_000);
    expect(await findsOfDays()).toEqual([]);
  },
);

const codesPhone = '+15005550016';

test.each([
  ['a code from the sender that is left, consented to since', fromPhone, true, []],
  [
    'one that nobody has consented to since',
    fromPhone,
    false,
    ['code_without_consent', 'text_after_opt_out'],
  ],
  ['one from the sender that was stopped', codesPhone, true, ['text_after_opt_out']],
] as const)(
  'where two senders became one, after a STOP to codes and a START to updates: %s',
  async (_what, sender, agrees, finds) => {
    const stoppedAt = new Date(Date.now() - 2 * dayMs);
    const at = (minutes: number) => new Date(stoppedAt.getTime() + minutes * 60_000);
    const person = await makePersonBefore(stoppedAt);
    const { userId, phone } = person;
    const codesSender = { fromPhone: codesPhone };
    await withSettings({ twilio: { ...env().twilio!, codesSender } }, async () => {
      await receive(person, 'STOP', { now: stoppedAt, to: codesPhone });
      await receive(person, 'START', { now: at(10) });
    });
    if (agrees) {
      const consent = { userId, phone, scopes: ['verification'], medium: 'code_page' } as const;
      await database.db.transaction((tx) => grantConsent(tx, consent, contextAt(at(20))));
    }
    await giveCodeSent(phone, at(30), { userId, sender });
    await rollUpDays(database.db, new Date(), 1_000);
    const found = await check(new Date());
    const kinds = Object.values(found).flatMap((came) =>
      typeof came === 'string' ? came : came.map(({ kind }) => kind),
    );
    expect(kinds.sort()).toEqual(finds);
  },
);

test('consents of an account whose record was erased, and that stayed after all, are no find; later ones without origin are', async () => {
  const now = new Date();
  const { userId } = await makePersonBefore(now);
  await database.pool.query('update users set deletion_begun_at = $2 where id = $1', [
    userId,
    new Date(now.getTime() - 3_600_000),
  ]);
  await database.pool.query('delete from sms_consent_details where user_id = $1', [userId]);
  expect(await check(now)).toEqual({});
  await database.pool.query('update users set deletion_begun_at = $2 where id = $1', [
    userId,
    new Date(now.getTime() - 2 * dayMs),
  ]);
  expect(await check(now)).toMatchObject({ consents: [{ kind: 'consent_without_origin' }] });
});
