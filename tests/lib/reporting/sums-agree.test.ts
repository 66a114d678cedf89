import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { reconcileTexts } from '@/lib/sms/delivery/reconcile';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { openLog } from '@/lib/log';
import { addDays, dayOf } from '@/lib/reporting/rollups/report-days';
import { readReport } from '@/lib/reporting/rollups/report';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { useDatabase } from '../../support/database';
import { randomFrom } from '../../support/random';
import { startFakeTwilio, type FakeFault, type FakeText, type FakeTwilio } from '../../support/fake-twilio';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  makeEnv,
  makePerson,
  twilioVariables,
  whenQuiet,
} from '../../support/texts';

vi.setConfig({ testTimeout: 180_000 });

const database = useDatabase();
const zone = 'America/New_York';
const dayMs = 24 * 3_600_000;
const log = openLog({ level: 'error', write: () => undefined });

let fake: FakeTwilio;
let dispatcher: { stop(): Promise<void> } | null = null;
beforeEach(async () => {
  await database.db.execute(sql`
    truncate sms_messages, sms_verifications, sms_verification_log, sms_spend, sms_senders, sms_rollups, event_rollups,
      rolled_days, phone_numbers, users cascade`);
  fake = await startFakeTwilio({ accountSid, authToken });
});
afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = null;
  await fake.stop();
});

const microsOfPrice = (price: string | null) => (price === null ? 0 : Math.round(-Number(price) * 1_000_000));

/** What the provider writes on its bill by now. */
const readBill = () => fake.texts.reduce((sum, { price }) => sum + microsOfPrice(price), 0);

/** What the rows of texts cost, and what the minutes of the budget say, in millionths of a dollar. */
async function readSums(): Promise<{ texts: number; settled: number; minutes: number }> {
  const { rows } = await database.db.execute<{ texts: number; settled: number; minutes: number }>(sql`
    select (select coalesce(sum(price * 1000000), 0)::float8 from sms_messages) as texts,
      (select coalesce(sum(price * 1000000), 0)::float8 from sms_messages where price_settled_at is not null) as settled,
      (select coalesce(sum(micros), 0)::float8 from sms_spend where scope = 'all') as minutes`);
  return rows[0]!;
}

/** The same from the reports: days that are over by their sums, today live. */
async function readReported(first: Date, now: Date): Promise<{ texts: number; settled: number }> {
  const days = { first: dayOf(first, zone), last: dayOf(now, zone) };
  const { period, byArea, missingDays } = await readReport(database.db, days, now);
  expect(missingDays).toEqual([]);
  const add = (sums: { settledMicros: number; reservedMicros: number }[]) => ({
    texts: sums.reduce((sum, each) => sum + each.settledMicros + each.reservedMicros, 0),
    settled: sums.reduce((sum, each) => sum + each.settledMicros, 0),
  });
  const byPurpose = add(Object.values(period.byPurpose));
  expect(add(Object.values(byArea))).toEqual(byPurpose);
  return byPurpose;
}

/** The sums of single scopes and minutes that are not those of the prices reserved in them. */
async function findDrift(): Promise<unknown[]> {
  const { rows } = await database.db.execute(sql`
    with prices as (
      select scope, date_trunc('minute', reserved_at) as minute, sum(price * 1000000)::bigint as micros
      from sms_messages, unnest(spend_scopes) scope
      where price is not null and reserved_at is not null group by 1, 2
    )
    select coalesce(p.scope, s.scope) as scope, p.micros as prices, s.micros as sum
    from prices p full join sms_spend s on s.scope = p.scope and s.minute = p.minute
    where coalesce(p.micros, 0) <> coalesce(s.micros, 0)`);
  return rows;
}

test.each([1, 2, 3])(
  'texts, budget, sums of days and the provider’s bill agree to the millionth after any history (%i)',
  async (seed) => {
    const random = randomFrom(seed);
    const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
    // A budget that the last texts of a day may not fit.
    const variables = { ...twilioVariables(fake.url), SMS_DAILY_BUDGET_USD: '0.3' };
    // Without a pace no text misses its place, however busy the machine is.
    const env = { ...makeEnv(database.url, variables), smsMessagesPerSecond: null };
    const provider = await openProvider(env);
    const began = new Date();
    const counts = { refused: 0, dearer: 0, late: 0 };
    fake.onCreate = (): FakeFault | null => {
      if (random() < 0.8) return null;
      counts.refused += 1;
      return { kind: 'refuse', httpStatus: 400, code: pick([21211, 30003, 99_999]) };
    };
    const priceOf = new Map<FakeText, string>();
    const tell = (text: FakeText, id: string, now: Date, price: string | null) =>
      applyStatus(database.db, {
        ...{ messageId: id, sid: text.sid, status: text.status, errorCode: text.errorCode, to: text.to },
        ...{ price, priceUnit: 'USD', segments: 1, now },
      });
    const idOf = async (text: FakeText): Promise<string> => {
      const { rows } = await database.db.execute<{ id: string }>(
        sql`select id from sms_messages where provider_sid = ${text.sid}`,
      );
      return rows[0]!.id;
    };

    for (let day = 0; day < 3; day += 1) {
      const clockOffsetMs = day * dayMs;
      const now = () => new Date(Date.now() + clockOffsetMs);
      // Whatever became of yesterday's resting sender, today it sends.
      await database.db.execute(
        sql`update sms_senders set next_slot_at = clock_timestamp(), stopped_until = null`,
      );
      for (let n = 0; n < 18; n += 1) {
        const person = await makePerson(database.db);
        if (random() < 0.5) await askForCode(database.db, person, now());
        else await askForUpdate(database.db, person, { now: now(), sendAfter: now() });
      }
      dispatcher = runDispatcher({ env, db: database.db, provider, log: () => undefined, clockOffsetMs });
      await whenQuiet(database.db, clockOffsetMs);
      await dispatcher.stop();
      dispatcher = null;
      expect(await findDrift()).toEqual([]);

      // What became of them is told in any order, twice, days late, with a price, without one, or with one that is corrected.
      for (const text of fake.texts) {
        if (random() < 0.4) continue;
        const id = await idOf(text);
        const status = pick(['sent', 'delivered', 'undelivered', 'failed']);
        if (!['delivered', 'undelivered', 'failed'].includes(text.status)) {
          text.status = status;
          text.errorCode = ['failed', 'undelivered'].includes(status) ? pick([30003, 30005, 30007]) : null;
        } else counts.late += 1;
        const former = priceOf.get(text);
        if (former === undefined && random() < 0.6) {
          priceOf.set(text, pick(['-0.0083', '-0.0166', '-0.001', '-0.007901', '-0.000001']));
        } else if (former !== undefined && random() < 0.3) {
          // A bill is corrected upwards: what was told once is what we believe until then.
          counts.dearer += 1;
          priceOf.set(text, `-${(microsOfPrice(former) / 1_000_000 + 0.000_037).toFixed(6)}`);
        }
        text.price = priceOf.get(text) ?? null;
        await tell(text, id, now(), text.price);
        // An old report that comes after all changes nothing.
        if (former !== undefined && random() < 0.5) await tell(text, id, now(), former);
      }
      expect(await findDrift()).toEqual([]);
      const sums = await readSums();
      expect(sums.minutes).toBe(sums.texts);
      expect(sums.settled).toBe(readBill());
      // The night comes, and the days before are summed up again with what was told meanwhile.
      const night = new Date(now().getTime() + dayMs);
      await rollUpDays(database.db, night, 30);
      expect(await readReported(began, night)).toEqual({ texts: sums.texts, settled: sums.settled });
    }

    // At last the provider knows a price of all, and is asked for those that it has not told.
    for (const text of fake.texts) {
      if (!['delivered', 'undelivered', 'failed'].includes(text.status)) text.status = 'delivered';
      text.price ??= '-0.0079';
    }
    const end = new Date(Date.now() + 3 * dayMs);
    await database.db.execute(
      sql`update sms_messages set check_at = now() where price_settled_at is null and provider_sid is not null`,
    );
    while ((await reconcileTexts(database.db, provider, { now: end, log, limit: 20 })) > 0) {
      await database.db.execute(
        sql`update sms_messages set check_at = null where price_settled_at is not null`,
      );
    }
    const night = new Date(Date.now() + 4 * dayMs);
    await rollUpDays(database.db, night, 30);
    const { texts, settled, minutes } = await readSums();
    const bill = readBill();
    expect(bill).toBeGreaterThan(0);
    expect({ texts, settled, minutes }).toEqual({ texts: bill, settled: bill, minutes: bill });
    expect(await readReported(began, night)).toEqual({ texts: bill, settled: bill });
    expect(await findDrift()).toEqual([]);
    // Days that are over are read from their sums, and the history had what it was to have.
    const { rows } = await database.db.execute<{ days: number; over: number }>(sql`
      select (select count(*)::int from rolled_days) as days,
        (select count(*)::int from sms_messages where reason = 'budget') as over`);
    expect(rows[0]!.days).toBeGreaterThanOrEqual(4);
    expect(rows[0]!.over).toBeGreaterThan(0);
    expect(fake.texts.length).toBeGreaterThan(20);
    for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0);
    expect(addDays(dayOf(began, zone), 4)).toBe(dayOf(night, zone));
  },
);
