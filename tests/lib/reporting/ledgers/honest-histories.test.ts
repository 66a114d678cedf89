import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LedgerDifference } from '@/db/schema/alarms';
import { checkAllLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { eraseAccount } from '@/lib/auth/ending/erase-account';
import { findConsentedPhones } from '@/lib/consent/ledger';
import { findUser } from '@/lib/accounts/users';
import { newId } from '@/lib/random';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { lockNumber } from '@/lib/sms/numbers/number';
import { eraseNumbersOfSent, eraseOldTexts } from '@/lib/sms/outbox/erase-texts';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { saveTexts, turnTextsOff } from '@/lib/sms/preferences/text-switches';
import { requirePreferences } from '@/lib/sms/preferences/preferences';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { displaceHolder } from '@/lib/sms/verification/activation';
import { takePhoneOff } from '@/lib/sms/verification/change-phone';
import { useDatabase } from '../../../support/database';
import { randomFrom } from '../../../support/random';
import {
  startFakeTwilio,
  type FakeFault,
  type FakeText,
  type FakeTwilio,
} from '../../../support/fake-twilio';
import { contextAt } from '../../../support/people';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  fromPhone,
  makeEnv,
  makePerson,
  twilioVariables,
  type Person,
  whenQuiet,
} from '../../../support/texts';

vi.setConfig({ testTimeout: 240_000 });
// Whether a text was sent to us is a question to the process's own settings.
Object.assign(process.env, twilioVariables('http://127.0.0.1:9'));

const database = useDatabase();
const dayMs = 24 * 3_600_000;

let fake: FakeTwilio;
let dispatcher: { stop(): Promise<void> } | null = null;
beforeEach(async () => {
  // Each history has its own clock, and begins with nothing.
  await database.pool.query(`
    alter table sms_consents disable trigger user;
    alter table sms_opt_outs disable trigger user;
    truncate users, phone_numbers, sms_messages, sms_consents, sms_opt_outs, sms_spend, sms_senders, sms_rollups, event_rollups,
      rolled_days, ledger_checks, audit_log, sms_verification_log cascade;
    alter table sms_consents enable trigger user;
    alter table sms_opt_outs enable trigger user`);
  fake = await startFakeTwilio({ accountSid, authToken });
});
afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = null;
  await fake.stop();
});

/** What a check of everything finds, by part; `not_read` counts as a find. */
async function check(now: Date): Promise<Record<string, LedgerDifference[] | string>> {
  const found: Record<string, LedgerDifference[] | string> = {};
  await checkAllLedgers(database.db, now, (part, came) => {
    if (typeof came === 'string' || came.length > 0) found[part] = came;
  });
  return found;
}

test.each([1, 2, 3, 4])(
  'nothing is found in whatever people, carriers and staff do over five days (%i)',
  async (seed) => {
    const random = randomFrom(seed);
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
    const variables = { ...twilioVariables(fake.url), SMS_DAILY_BUDGET_USD: '0.6' };
    const env = { ...makeEnv(database.url, variables), smsMessagesPerSecond: null };
    const provider = await openProvider(env);
    fake.onCreate = (): FakeFault | null =>
      random() < 0.85 ? null : { kind: 'refuse', httpStatus: 400, code: pick([21211, 21610, 30003, 99_999]) };
    const people: Person[] = [];
    const did = new Map<string, number>();

    const text = (phone: string, body: string, at: Date) => ({
      sid: `SM${newId().replaceAll('-', '')}`,
      from: phone,
      to: fromPhone,
      messagingServiceSid: null,
      body,
      optOutType: null,
      at,
    });
    const acts: Record<string, (person: Person, now: Date) => Promise<unknown>> = {
      stops: ({ phone }, now) => receiveText(database.db, text(phone, 'STOP', now), contextAt(now)),
      starts: ({ phone }, now) => receiveText(database.db, text(phone, 'START', now), contextAt(now)),
      stopsAndIsFoundLate: ({ phone }, now) =>
        receiveText(database.db, text(phone, 'STOP', now), contextAt(now), {
          late: {
            sentAt: new Date(now.getTime() - random() * 2 * dayMs),
            earlier: new Set(),
            later: new Set(),
          },
        }),
      startsAndIsFoundLate: ({ phone }, now) =>
        receiveText(database.db, text(phone, 'START', now), contextAt(now), {
          late: {
            sentAt: new Date(now.getTime() - random() * 2 * dayMs),
            earlier: new Set(),
            later: new Set(),
          },
        }),
      writes: ({ phone }, now) => receiveText(database.db, text(phone, 'Thanks!', now), contextAt(now)),
      turnsTextsOff: ({ userId }, now) => turnTextsOff(database.db, { userId }, contextAt(now)),
      turnsTextsOn: async ({ userId }, now) => {
        const phone = (await database.db.transaction((tx) => findUser(tx, userId)))!.phone;
        const { textsVersion: version } = await requirePreferences(database.db, userId);
        const switches = { enabled: true, applicationStatus: true, reminders: true, security: true };
        return saveTexts(database.db, { userId, phone }, { switches, version, agreed: true }, contextAt(now));
      },
      tellsStaff: ({ phone }, now) =>
        database.db.transaction((tx) => optOut(tx, { phone, by: { told: 'phone' }, now })),
      losesTheNumber: ({ userId, phone }, now) =>
        database.db.transaction(async (tx) => {
          await lockNumber(tx, phone);
          await displaceHolder(tx, { userId, phone, action: 'number_moved', actorId: null }, contextAt(now));
        }),
      takesTheNumberOff: ({ userId, phone }, now) =>
        database.db.transaction(async (tx) => {
          const { numbers } = await lockPerson(tx, userId, [phone], async () => null);
          await takePhoneOff(tx, { userId, phone }, numbers, contextAt(now));
        }),
      leaves: async ({ userId }, now) => {
        await database.db.transaction(async (tx) => {
          await lockPerson(tx, userId, await findConsentedPhones(tx, userId), async () => null);
          await eraseAccount(tx, { userId, actorId: userId, why: 'account_deleted' }, contextAt(now));
        });
        people.splice(
          people.findIndex((person) => person.userId === userId),
          1,
        );
      },
    };
    const tell = (sent: FakeText, id: string, now: Date) =>
      applyStatus(database.db, {
        ...{ messageId: id, sid: sent.sid, status: sent.status, errorCode: sent.errorCode, to: sent.to },
        ...{ price: sent.price, priceUnit: 'USD', segments: pick([1, 1, 2]), now },
      });

    for (let day = 0; day < 5; day += 1) {
      const clockOffsetMs = day * dayMs;
      const now = () => new Date(Date.now() + clockOffsetMs);
      await database.db.execute(
        sql`update sms_senders set next_slot_at = clock_timestamp(), stopped_until = null`,
      );
      for (let n = 0; n < 8; n += 1) people.push(await makePerson(database.db));
      dispatcher = runDispatcher({ env, db: database.db, provider, log: () => undefined, clockOffsetMs });
      for (let n = 0; n < 30; n += 1) {
        const person = pick(people);
        const roll = random();
        if (roll < 0.25) await askForCode(database.db, person, now()).catch(() => undefined);
        else if (roll < 0.6) await askForUpdate(database.db, person, { now: now(), sendAfter: now() });
        else {
          const name = pick(Object.keys(acts));
          if (name === 'leaves' && people.length < 5) continue;
          await acts[name]!(person, now());
          did.set(name, (did.get(name) ?? 0) + 1);
        }
        // At every moment, also while texts are on their way.
        if (n % 10 === 9) expect(await check(now())).toEqual({});
      }
      await whenQuiet(database.db, clockOffsetMs);
      await dispatcher.stop();
      dispatcher = null;

      for (const sent of fake.texts) {
        if (random() < 0.4) continue;
        const { rows } = await database.db.execute<{ id: string }>(
          sql`select id from sms_messages where provider_sid = ${sent.sid}`,
        );
        // What a carrier says may be said again otherwise: a failure as a delivery, a price as a higher one.
        if (random() < 0.5) {
          sent.status = pick(['sent', 'delivered', 'undelivered', 'failed']);
          sent.errorCode = ['failed', 'undelivered'].includes(sent.status)
            ? pick([30003, 30005, 30007, 21610])
            : null;
        }
        if (random() < 0.5) sent.price = pick(['-0.0083', '-0.0166', '-0.001', '-0.007901']);
        await tell(sent, rows[0]!.id, now());
        if (random() < 0.2) await tell(sent, rows[0]!.id, now());
      }
      // The night comes: what was told of earlier days is not in their sums yet, and then it is.
      const night = new Date(now().getTime() + dayMs);
      expect(await check(night)).toEqual({});
      await rollUpDays(database.db, night, 30);
      expect(await check(night)).toEqual({});
      await eraseNumbersOfSent(database.db, night, 1000);
      expect(await check(night)).toEqual({});
    }
    const after = new Date(Date.now() + 6 * dayMs);
    await eraseOldTexts(database.db, { before: new Date(after.getTime() - 3 * dayMs), now: after }, 10_000);
    expect(await check(after)).toEqual({});
    const { rows } = await database.db.execute<{ days: number; sent: number; updates: number }>(sql`
      select (select count(*)::int from rolled_days) as days, count(sent_at)::int as sent,
        (count(*) filter (where purpose = 'update' and sent_at is not null))::int as updates from sms_messages`);
    expect(rows[0]!.days).toBeGreaterThanOrEqual(5);
    expect(rows[0]!.sent).toBeGreaterThan(20);
    expect(rows[0]!.updates).toBeGreaterThan(10);
    expect(did.size).toBeGreaterThan(8);
  },
);
