import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { drizzle } from 'drizzle-orm/node-postgres';
import { openPool, workerPool } from '@/db/client';
import { auditLog, users } from '@/db/schema/accounts';
import { smsOptOuts } from '@/db/schema/consent';
import { rolledDays, smsRollups } from '@/db/schema/reports';
import { smsMessages, smsVerificationLog, smsVerifications } from '@/db/schema/sms';
import { env } from '@/lib/env';
import { checkDay } from '@/lib/reporting/ledgers/check-day';
import { latencyBounds, readPercentile, readShareWithin } from '@/lib/reporting/rollups/latency';
import { readReport, type ReportStep } from '@/lib/reporting/rollups/report';
import type { Sums } from '@/lib/reporting/rollups/sums';
import { rollUpMonths } from '@/lib/reporting/rollups/months';
import { rollUpDays, rollUpToday } from '@/lib/reporting/rollups/roll-up';
import { useDatabase } from '../../support/database';
import { randomFrom } from '../../support/random';

const database = useDatabase();
const zone = 'America/New_York';
const hour = 3_600_000;
/** In the evening of New York, where it is the next day in UTC; 40 days back the clocks change. */
const now = new Date('2026-11-20T02:30:00Z');

beforeEach(async () => {
  await database.db.execute(
    sql`truncate sms_messages, sms_verification_log, sms_verifications, sms_rollups, event_rollups, rolled_days, users cascade`,
  );
});

type Text = typeof smsMessages.$inferInsert;

function randomText(random: () => number, at: Date): Text {
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)]!;
  const purpose = pick(['verification', 'update', 'notice', 'reply', 'inbound'] as const);
  const status =
    purpose === 'inbound' ? 'received' : pick(['queued', 'sent', 'delivered', 'failed', 'canceled'] as const);
  const isPriced = ['sent', 'delivered', 'failed'].includes(status) && random() < 0.8;
  const after = (most: number) => new Date(at.getTime() + Math.floor(random() ** 4 * most));
  const sentAt = status === 'sent' || status === 'delivered' ? after(2 * hour) : null;
  return {
    id: randomUUID(),
    direction: purpose === 'inbound' ? 'in' : 'out',
    phone: pick(['+14155550101', '+12125550102', '+16135550103', '+447400123456', '']),
    purpose,
    template: 'x',
    createdAt: at,
    sendAfter: at,
    status,
    segments: pick([null, 1, 2]),
    sentAt,
    deliveredAt: status === 'delivered' ? new Date(sentAt!.getTime() + random() ** 6 * 40 * hour) : null,
    heldAt: random() < 0.1 ? at : null,
    price: isPriced ? (Math.floor(random() * 100_000) / 1_000_000).toFixed(6) : null,
    reservedAt: isPriced ? after(30 * hour) : null,
    priceSettledAt: isPriced && random() < 0.7 ? now : null,
    errorCode: status === 'failed' && random() < 0.5 ? pick([30003, 30007]) : null,
    reason: status === 'failed' || status === 'canceled' ? pick(['stopped', 'expired', null]) : null,
    attempts: pick([0, 1]),
  };
}

function dayOfText(at: Date): string {
  return Temporal.Instant.fromEpochMilliseconds(at.getTime())
    .toZonedDateTimeISO(zone)
    .toPlainDate()
    .toString();
}

/** Adds single rows up as a person with a calculator would. */
function addByHand(texts: readonly Text[], { first, last }: { first: string; last: string }) {
  const isIn = (at: Date | null | undefined) => at && dayOfText(at) >= first && dayOfText(at) <= last;
  const asked = texts.filter(({ createdAt }) => isIn(createdAt));
  const paid = texts.filter(({ price, reservedAt }) => price && isIn(reservedAt));
  const micros = (rows: readonly Text[]) =>
    rows.reduce((sum, { price }) => sum + Math.round(Number(price) * 1e6), 0);
  const waits = asked
    .filter(({ deliveredAt, direction }) => deliveredAt && direction === 'out')
    .map((row) => (row.deliveredAt!.getTime() - (row.heldAt ? row.sentAt! : row.createdAt).getTime()) / 1000);
  return {
    texts: asked.length,
    segments: asked.reduce((sum, { segments }) => sum + (segments ?? 0), 0),
    sent: asked.filter(({ sentAt }) => sentAt).length,
    delivered: asked.filter(({ deliveredAt }) => deliveredAt).length,
    failed: asked.filter(({ status }) => status === 'failed').length,
    canceled: asked.filter(({ status }) => status === 'canceled').length,
    held: asked.filter(({ heldAt }) => heldAt).length,
    settledMicros: micros(paid.filter(({ priceSettledAt }) => priceSettledAt)),
    reservedMicros: micros(paid.filter(({ priceSettledAt }) => !priceSettledAt)),
    failedMicros: micros(paid.filter(({ priceSettledAt, status }) => priceSettledAt && status === 'failed')),
    latencies: [...latencyBounds, Infinity].map(
      (bound, index) =>
        waits.filter((wait) => wait < bound && wait >= (latencyBounds[index - 1] ?? -Infinity)).length,
    ),
  };
}

function group(texts: readonly Text[], keyOf: (text: Text) => string | null): Map<string, Text[]> {
  const groups = new Map<string, Text[]>();
  for (const text of texts) {
    const key = keyOf(text);
    if (key !== null) groups.set(key, [...(groups.get(key) ?? []), text]);
  }
  return groups;
}

function strip(sums: Record<string, Sums>): Record<string, Sums> {
  return Object.fromEntries(
    Object.entries(sums)
      .map(
        ([key, sum]) =>
          [
            key,
            { ...sum, latencies: sum.latencies.some((count) => count > 0) ? sum.latencies : [] },
          ] as const,
      )
      .filter(([, sum]) => sum.texts > 0 || sum.settledMicros > 0 || sum.reservedMicros > 0),
  );
}

async function expectAgreement(
  texts: readonly Text[],
  days: { first: string; last: string },
  at = now,
): Promise<void> {
  const report = await readReport(database.db, days, at);
  const byHand = (groups: Map<string, Text[]>, change: (sums: Sums) => Sums = (sums) => sums) =>
    strip(Object.fromEntries([...groups].map(([key, rows]) => [key, change(addByHand(rows, days))])));
  expect(report.missingDays).toEqual([]);
  expect(strip(report.period.byPurpose)).toEqual(byHand(group(texts, ({ purpose }) => purpose)));
  const areas = group(texts, ({ phone }) =>
    phone === '' ? 'erased' : phone.startsWith('+1') ? phone.slice(0, 5) : phone.slice(0, 4),
  );
  expect(strip(report.byArea)).toEqual(byHand(areas, (sums) => ({ ...sums, latencies: [] })));
  const errors = group(texts, ({ errorCode, reason }) => (errorCode ? String(errorCode) : (reason ?? null)));
  const noMoney = { settledMicros: 0, reservedMicros: 0, failedMicros: 0, latencies: [] };
  expect(strip(report.byError)).toEqual(byHand(errors, (sums) => ({ ...sums, ...noMoney })));
  const isIn = ({ direction }: Text) => direction === 'in';
  for (const stepDays of [1, 7]) {
    const { series } = await readReport(database.db, { ...days, stepDays }, at);
    for (const step of series) {
      const ofStep = step.first.includes(':') ? null : { first: step.first, last: step.last };
      if (ofStep === null) continue;
      expect(strip({ out: step.out, inbound: step.inbound })).toEqual(
        strip({
          out: addByHand(
            texts.filter((text) => !isIn(text)),
            ofStep,
          ),
          inbound: addByHand(texts.filter(isIn), ofStep),
        }),
      );
    }
    expect(countTexts(series)).toBe(addByHand(texts, days).texts);
  }
}

function countTexts(series: readonly ReportStep[]): number {
  return series.reduce((sum, { out, inbound }) => sum + out.texts + inbound.texts, 0);
}

test.each([1, 2, 3])(
  'sums of days and single rows agree after any history, also with late reports (%i)',
  async (seed) => {
    const random = randomFrom(seed);
    const texts = Array.from({ length: 1_500 }, () =>
      randomText(random, new Date(now.getTime() - Math.floor(random() * 40 * 24 * hour))),
    );
    await database.db.insert(smsMessages).values(texts);
    const yesterday = new Date(now.getTime() - 24 * hour);
    expect(await rollUpDays(database.db, yesterday, 1_000)).toBe(39);
    expect(await rollUpDays(database.db, yesterday, 1_000)).toBe(0);
    // What the provider tells later, of texts of the last ten days.
    for (const text of texts) {
      if (
        text.status !== 'sent' ||
        random() < 0.5 ||
        now.getTime() - text.createdAt.getTime() > 8 * 24 * hour
      )
        continue;
      text.status = 'delivered';
      text.deliveredAt = new Date(text.sentAt!.getTime() + 60_000);
      if (text.price) Object.assign(text, { price: '0.012345', priceSettledAt: now });
      const { status, deliveredAt, price, priceSettledAt } = text;
      await database.db
        .update(smsMessages)
        .set({ status, deliveredAt, price, priceSettledAt })
        .where(sql`id = ${text.id}`);
    }
    // Two processes at once, over and over: each day is summed up once.
    const done = await Promise.all([1, 2].map(() => rollUpDays(database.db, now, 1_000)));
    expect(done[0]! + done[1]!).toBe(10);
    await expectAgreement(texts, { first: '2026-11-19', last: '2026-11-19' });
    await expectAgreement(texts, { first: '2026-11-18', last: '2026-11-18' });
    await expectAgreement(texts, { first: '2026-11-13', last: '2026-11-19' });
    await expectAgreement(texts, { first: '2026-10-25', last: '2026-11-19' });
    const whole = await readReport(
      database.db,
      { first: '2026-11-13', last: '2026-11-19', compares: true },
      now,
    );
    const before = await readReport(database.db, { first: '2026-11-06', last: '2026-11-12' }, now);
    expect(whole.before).toEqual(before.period);
    expect(before.before.byPurpose).toEqual({});
  },
);

describe('whole months', () => {
  const day = 24 * hour;
  const year = { first: '2026-08-20', last: '2026-11-19' };

  /** A quarter of texts, summed up as of some moment. */
  async function useQuarter(seed: number, at: Date): Promise<Text[]> {
    const random = randomFrom(seed);
    const texts = Array.from({ length: 1_500 }, () =>
      randomText(random, new Date(now.getTime() - day - Math.floor(random() * 90 * day))),
    ).filter(({ createdAt }) => createdAt! < at);
    await database.db.insert(smsMessages).values(texts);
    await rollUpDays(database.db, at, 1_000);
    return texts;
  }

  const readMonths = async () =>
    (
      await database.db.execute<{ at: string }>(
        sql`select distinct to_char(at at time zone ${zone}, 'YYYY-MM-DD') as at from sms_rollups where kind like 'month%' order by 1`,
      )
    ).rows.map(({ at }) => at);

  async function findOfMonth(first: string): Promise<string[]> {
    const found: string[] = [];
    for await (const some of checkDay(database.db, first, { timeZone: zone, now })) {
      found.push(...some.flatMap(({ examples }) => examples));
    }
    return found.filter((example) => example.startsWith('month'));
  }

  test('that are over have sums of areas and errors, which reports read in place of those of their days', async () => {
    const texts = await useQuarter(5, now);
    // Two processes at once.
    const done = await Promise.all([1, 2].map(() => rollUpMonths(database.db, now, 10)));
    expect(done[0]! + done[1]!).toBeGreaterThanOrEqual(3);
    expect(await rollUpMonths(database.db, now, 10)).toBe(0);
    expect(await readMonths()).toEqual(['2026-08-01', '2026-09-01', '2026-10-01']);
    for (const days of [
      year,
      { first: '2026-09-01', last: '2026-10-31' },
      { first: '2026-09-02', last: '2026-11-15' },
      { first: '2026-10-01', last: '2026-10-31' },
      { first: '2026-10-01', last: '2026-10-30' },
      { first: '2026-10-03', last: '2026-10-29' },
      { first: '2026-09-05', last: '2026-10-25' },
      { first: '2026-10-20', last: '2026-11-10' },
    ]) {
      await expectAgreement(texts, days);
    }
    // A month that had other sums would show: it is these that are read.
    const read = async () => (await readReport(database.db, year, now)).byArea['+1415']!.texts;
    const before = await read();
    await database.db.execute(
      sql`update sms_rollups set texts = texts + 1000 where kind = 'month_area' and key = '+1415'`,
    );
    // Of August there are twelve days in this report: these are read one by one.
    expect(await read()).toBe(before + 2_000);
    // And the check of the ledgers says so.
    expect(await findOfMonth('2026-10-01')).toEqual(['month +1415']);
    await database.db.execute(
      sql`update sms_rollups set texts = texts - 1000 where kind = 'month_area' and key = '+1415'`,
    );
    expect(await findOfMonth('2026-10-01')).toEqual([]);
    await database.db.execute(sql`delete from sms_rollups where kind = 'month_error' and key = '30003'`);
    expect(await findOfMonth('2026-09-01')).toEqual(['month 30003']);
  });

  test('in part of a report are read less their other days, where those are fewer', async () => {
    const texts = await useQuarter(10, now);
    // Of this area there is nothing but on a day outside.
    const alone = texts.find(
      ({ createdAt, price }) => dayOfText(createdAt!) === '2026-10-02' && price === null,
    )!;
    alone.phone = '+16045550104';
    await database.db.execute(sql`update sms_messages set phone = ${alone.phone} where id = ${alone.id}`);
    await database.db.execute(sql`delete from rolled_days where day between '2026-10-01' and '2026-10-04'`);
    await rollUpDays(database.db, now, 1_000);
    await rollUpMonths(database.db, now, 10);
    const days = { first: '2026-10-04', last: '2026-10-30' };
    await expectAgreement(texts, days);
    const read = async (asked: typeof days) => (await readReport(database.db, asked, now)).byArea;
    expect(await read(days)).not.toHaveProperty('+1604');
    const before = (await read(days))['+1415']!.texts;
    await database.db.execute(
      sql`update sms_rollups set texts = texts + 1000 where kind = 'month_area' and key = '+1415'`,
    );
    expect((await read(days))['+1415']!.texts).toBe(before + 1_000);
    // Here fewer days lie inside.
    const few = { first: '2026-10-18', last: '2026-10-31' };
    expect((await read(few))['+1415']!.texts).toBe(
      addByHand(
        texts.filter(({ phone }) => phone.startsWith('+1415')),
        few,
      ).texts,
    );
    // A day outside that is summed up again takes the month away.
    await database.db.execute(sql`delete from rolled_days where day = '2026-10-02'`);
    await rollUpDays(database.db, now, 1_000);
    expect(await readMonths()).not.toContain('2026-10-01');
    await expectAgreement(texts, days);
  });

  test('leave out money that is no number, which takes no other with it', async () => {
    await useQuarter(9, now);
    const read = async () => (await readReport(database.db, year, now)).byArea['+1415']!.settledMicros;
    const whole = await read();
    const { rows } = await database.db.execute<{ micros: number }>(sql`
      update sms_rollups set settled_usd = 'NaN' from (
        select kind, at, key, settled_usd from sms_rollups
        where kind = 'area' and key = '+1415' and at >= '2026-09-01' and settled_usd > 0 order by at limit 1) one
      where sms_rollups.kind = one.kind and sms_rollups.at = one.at and sms_rollups.key = one.key
      returning (one.settled_usd * 1000000)::float8 as micros`);
    expect(rows).toHaveLength(1);
    expect(await read()).toBe(whole - rows[0]!.micros);
    await rollUpMonths(database.db, now, 10);
    expect(await read()).toBe(whole - rows[0]!.micros);
  });

  test('lose their sums with each change of a day, and get them again', async () => {
    const then = new Date('2026-11-05T12:00:00Z');
    const texts = await useQuarter(6, then);
    expect(await rollUpMonths(database.db, then, 10)).toBe(3);
    const text = texts.find(
      ({ phone, createdAt }) => phone === '+14155550101' && dayOfText(createdAt!) > '2026-10-27',
    )!;
    await database.db.execute(sql`update sms_messages set phone = '+12125550102' where id = ${text.id}`);
    text.phone = '+12125550102';
    // The night after, the last ten days are summed up again.
    const night = new Date(then.getTime() + day);
    await rollUpDays(database.db, night, 1_000);
    expect(await readMonths()).toEqual(['2026-08-01', '2026-09-01']);
    const days = { first: '2026-09-01', last: '2026-11-04' };
    await expectAgreement(texts, days, night);
    expect(await rollUpMonths(database.db, night, 10)).toBe(1);
    await expectAgreement(texts, days, night);
  });

  test('have none while a day of theirs has none', async () => {
    const texts = await useQuarter(7, now);
    await database.db.execute(sql`delete from rolled_days where day = '2026-10-12'`);
    expect(await rollUpMonths(database.db, now, 10)).toBe(2);
    expect(await readMonths()).toEqual(['2026-08-01', '2026-09-01']);
    // The day itself is read from its texts meanwhile.
    await expectAgreement(texts, year);
    await rollUpDays(database.db, now, 1_000);
    expect(await rollUpMonths(database.db, now, 10)).toBe(1);
    await expectAgreement(texts, year);
  });

  test('that a day is being summed up of wait for their next turn', async () => {
    await useQuarter(8, now);
    await database.db.transaction(async (tx) => {
      await tx.execute(sql`update rolled_days set rolled_at = rolled_at where day = '2026-10-12'`);
      const pool = openPool(database.url, workerPool);
      try {
        expect(await rollUpMonths(drizzle(pool), now, 10)).toBe(2);
      } finally {
        await pool.end();
      }
    });
    expect(await rollUpMonths(database.db, now, 10)).toBe(1);
  });
});

describe('today', () => {
  const days = { first: '2026-11-19', last: '2026-11-19' };
  const week = { first: '2026-11-13', last: '2026-11-19' };
  const later = (minutes: number) => new Date(now.getTime() + minutes * 60_000);

  test('is summed up to twenty minutes ago every ten minutes, and the rest of it is read from the single rows', async () => {
    const random = randomFrom(4);
    const texts = Array.from({ length: 600 }, () =>
      randomText(random, new Date(now.getTime() - Math.floor(random() * 9 * 24 * hour))),
    );
    await database.db.insert(smsMessages).values(texts);
    await rollUpDays(database.db, now, 1_000);
    // Two processes at once.
    const done = await Promise.all([1, 2].map(() => rollUpToday(database.db, now)));
    expect(done.sort()).toEqual([0, 1]);
    // Half past nine in the evening.
    const [row] = await database.db
      .select()
      .from(rolledDays)
      .where(sql`day = '2026-11-19'`);
    expect(row!.summedUntil).toEqual(new Date('2026-11-20T02:10:00Z'));
    await expectAgreement(texts, days);
    await expectAgreement(texts, week);

    // A text of these minutes is there at once, and what is told of an earlier one within ten minutes.
    const fresh = {
      ...randomText(() => 0.6, new Date('2026-11-20T02:10:00Z')),
      price: null,
      reservedAt: null,
    };
    const earlier = texts.find(
      ({ createdAt, status }) => status === 'sent' && createdAt! < row!.summedUntil!,
    )!;
    const ofToday = texts.find(
      ({ createdAt, status }) =>
        status === 'queued' && dayOfText(createdAt!) === days.first && createdAt! < row!.summedUntil!,
    )!;
    expect(earlier).toBeDefined();
    await database.db.insert(smsMessages).values(fresh);
    texts.push(fresh);
    await expectAgreement(texts, days);
    ofToday.status = 'canceled';
    await database.db.execute(sql`update sms_messages set status = 'canceled' where id = ${ofToday.id}`);
    expect(await rollUpToday(database.db, later(9))).toBe(0);
    await expect(expectAgreement(texts, days, later(9))).rejects.toThrow();
    expect(await rollUpToday(database.db, later(10))).toBe(1);
    await expectAgreement(texts, days, later(10));

    // The night makes it whole.
    const tomorrow = later(3 * 60);
    await expectAgreement(texts, days, tomorrow);
    await rollUpDays(database.db, tomorrow, 1_000);
    const [whole] = await database.db
      .select()
      .from(rolledDays)
      .where(sql`day = '2026-11-19'`);
    expect(whole!.summedUntil).toBeNull();
    await expectAgreement(texts, days, tomorrow);
  });

  test.each(['infinity', '-infinity', '2027-01-01', '2020-01-01'])(
    'is read from the single rows where its sums end at %s',
    async (until) => {
      const texts = Array.from({ length: 20 }, (_, n) =>
        randomText(randomFrom(n), new Date(now.getTime() - n * hour)),
      );
      await database.db.insert(smsMessages).values(texts);
      await rollUpToday(database.db, now);
      await database.pool.query('update rolled_days set summed_until = $1', [until]);
      await rollUpDays(database.db, now, 1_000);
      await expectAgreement(texts, days);
      // A clock that was ahead keeps nobody from it.
      await database.pool.query(`update rolled_days set rolled_at = '2030-01-01' where day = '2026-11-19'`);
      expect(await rollUpToday(database.db, now)).toBe(1);
      await expectAgreement(texts, days);
    },
  );

  test('is summed up whole however long nobody did it', async () => {
    await database.db.insert(smsMessages).values(randomText(() => 0.6, new Date('2026-11-20T01:10:00Z')));
    expect(await rollUpToday(database.db, now)).toBe(1);
    await rollUpDays(database.db, new Date('2026-12-15T12:00:00Z'), 1_000);
    const days = await database.db
      .select()
      .from(rolledDays)
      .where(sql`summed_until is not null`);
    expect(days).toEqual([]);
  });

  test('has nothing to be summed up in its first half hour', async () => {
    expect(await rollUpToday(database.db, new Date('2026-11-20T05:29:00Z'))).toBe(0);
    expect(await rollUpToday(database.db, new Date('2026-11-20T05:30:00Z'))).toBe(1);
  });
});

test('a day on which the clocks change has its own number of hours', async () => {
  await database.db.insert(smsMessages).values([
    { ...randomText(() => 0, new Date('2026-11-01T05:30:00Z')), price: null },
    { ...randomText(() => 0, new Date('2026-11-01T06:30:00Z')), price: null },
  ]);
  await rollUpDays(database.db, now, 1_000);
  const { series } = await readReport(database.db, { first: '2026-11-01', last: '2026-11-01' }, now);
  expect(series).toHaveLength(25);
  const counts = series.map(({ first, out }) => [first, out.texts]);
  expect(counts.slice(0, 4)).toEqual([
    ['00:00', 0],
    ['01:00', 1],
    ['01:00', 1],
    ['02:00', 0],
  ]);
});

test('codes, registrations, refusals and opt-outs are counted on their days', async () => {
  const at = new Date('2026-11-18T15:00:00Z');
  const userId = randomUUID();
  const person = {
    id: userId,
    email: 'a@example.com',
    emailKey: 'a@example.com',
    name: 'A',
    passwordHash: '-',
  };
  await database.db.insert(users).values({ ...person, createdAt: at, passwordChangedAt: at });
  const challenge = (changes: Partial<typeof smsVerifications.$inferInsert>) => ({
    ...{ id: randomUUID(), userId, phone: '+14155550101', purpose: 'prove' as const, nonce: Buffer.alloc(8) },
    ...{ createdAt: at, expiresAt: at, lastSentAt: at, endedAt: at, endedBy: 'expired' as const },
    ...changes,
  });
  const challenges = [
    challenge({}),
    challenge({ wrongTries: 2 }),
    challenge({ consumedAt: at, endedAt: null, endedBy: null }),
  ];
  await database.db.insert(smsVerifications).values(challenges);
  const code = (challengeId: string, changes: Partial<Text>): Text => ({
    ...randomText(() => 0, at),
    ...{ status: 'sent', sentAt: at, price: null, reservedAt: null, heldAt: null, challengeId, ...changes },
  });
  await database.db
    .insert(smsMessages)
    .values([
      code(challenges[1]!.id, {}),
      code(challenges[2]!.id, { status: 'delivered', deliveredAt: new Date(at.getTime() + 4_500) }),
      code(challenges[2]!.id, {}),
      code(challenges[0]!.id, { status: 'failed', sentAt: null, reason: 'stopped', attempts: 0 }),
    ]);
  const line = { at, phone: '+14155550101' };
  await database.db.insert(smsVerificationLog).values([
    { ...line, event: 'send_refused', reason: 'send_limit', times: 5 },
    { ...line, event: 'wrong_code' },
    { ...line, event: 'wrong_code' },
  ]);
  await database.db.insert(auditLog).values({ at, action: 'account_registered', userId });
  await database.db.insert(smsOptOuts).values({
    ...{ at, phone: '+14155550101', act: 'opted_out', channel: 'text', covers: ['updates'] },
    recordedBy: 'inbound_webhook',
  });
  const expected = {
    funnel: { asked: 3, sent: 2, delivered: 1, entered: 2, verified: 1 },
    refusal: { send_limit: 5, stopped: 1 },
    other: { wrong_code: 2, registered: 1, opted_out: 1 },
  };
  const days = { first: '2026-11-18', last: '2026-11-18' };
  const live = await readReport(database.db, days, at);
  expect(live.period.events).toEqual(expected);
  await rollUpDays(database.db, now, 1_000);
  const report = await readReport(database.db, days, now);
  expect(report.period.events).toEqual(expected);
  expect(report.period.byPurpose.verification!.latencies[4]).toBe(1);
});

test.each(['2026-04-05', '2026-10-04'])(
  'where clocks change by half an hour, the hours of %s add up to the day',
  async (day) => {
    const settings = env() as { reportTimeZone: string };
    settings.reportTimeZone = 'Australia/Lord_Howe';
    try {
      const noon = new Date(`${day}T01:30:00Z`);
      const texts = [-6, -3, 0, 3, 6, 9].map((hours) => ({
        ...randomText(() => 0, new Date(noon.getTime() + hours * hour)),
        ...{ price: null, reservedAt: null },
      }));
      await database.db.insert(smsMessages).values(texts);
      await rollUpDays(database.db, now, 1_000);
      const { series, period } = await readReport(database.db, { first: day, last: day }, now);
      expect(period.byPurpose.verification!.texts).toBe(6);
      expect(countTexts(series)).toBe(6);
    } finally {
      settings.reportTimeZone = zone;
    }
  },
);

test('where the zone of reports changes, each day is summed up again in the new one', async () => {
  const random = randomFrom(9);
  const texts = Array.from({ length: 200 }, () =>
    randomText(random, new Date(now.getTime() - Math.floor(random() * 30 * 24 * hour))),
  );
  await database.db.insert(smsMessages).values(texts);
  await rollUpDays(database.db, now, 1_000);
  await database.db.update(rolledDays).set({ timeZone: 'Asia/Kolkata' });
  await database.db.update(smsRollups).set({ texts: 1_000 });
  expect(await rollUpDays(database.db, now, 5)).toBe(5);
  const partly = await readReport(database.db, { first: '2026-11-01', last: '2026-11-19' }, now);
  expect(partly.missingDays.length).toBeGreaterThan(0);
  await rollUpDays(database.db, now, 1_000);
  await expectAgreement(texts, { first: '2026-11-01', last: '2026-11-19' });
});

test.each([
  ['America/New_York', 'Asia/Tokyo'],
  ['America/New_York', 'Asia/Kolkata'],
  ['Asia/Tokyo', 'America/New_York'],
  ['Europe/London', 'UTC'],
  ['Asia/Kolkata', 'Australia/Lord_Howe'],
  ['Pacific/Pago_Pago', 'Pacific/Kiritimati'],
])(
  'where the zone of reports is changed from %s to %s and back, each text counts once',
  async (own, other) => {
    const settings = env() as { reportTimeZone: string };
    const random = randomFrom(11);
    const texts = Array.from({ length: 1_200 }, () =>
      randomText(random, new Date(now.getTime() - 2 * 24 * hour - Math.floor(random() * 75 * 24 * hour))),
    );
    await database.db.insert(smsMessages).values(texts);
    const read = () => readReport(database.db, { first: '2026-09-03', last: '2026-11-19' }, now);
    try {
      settings.reportTimeZone = own;
      while ((await rollUpDays(database.db, now, 30)) > 0);
      expect(await rollUpMonths(database.db, now, 10)).toBe(2);
      const before = await read();
      settings.reportTimeZone = other;
      expect(await rollUpDays(database.db, now, 30)).toBe(30);
      settings.reportTimeZone = own;
      // Meanwhile what is missing is missing, and what is there counts once.
      const torn = await read();
      expect(torn.missingDays.length).toBeGreaterThan(20);
      for (const [purpose, { texts: n }] of Object.entries(torn.period.byPurpose)) {
        expect(n).toBeLessThanOrEqual(before.period.byPurpose[purpose]!.texts);
      }
      while ((await rollUpDays(database.db, now, 30)) > 0);
      await rollUpMonths(database.db, now, 10);
      const after = await read();
      expect(after).toEqual(before);
      expect(countTexts(after.series)).toBe(countTexts(before.series));
      for (const first of ['2026-09-01', '2026-10-01']) {
        const found: string[] = [];
        for await (const some of checkDay(database.db, first, { timeZone: own, now })) {
          found.push(...some.filter(({ kind }) => kind.startsWith('sums_')).map(({ kind }) => kind));
        }
        expect(found).toEqual([]);
      }
    } finally {
      settings.reportTimeZone = zone;
    }
  },
);

test('where the zone of reports changes to one in which the first day is later, nothing of the earlier day is left', async () => {
  const settings = env() as { reportTimeZone: string };
  // At noon in New York it is the next day in Tokyo.
  const first = new Date('2026-11-10T17:00:00Z');
  const texts = Array.from({ length: 100 }, (_, n) => ({
    ...randomText(randomFrom(n), new Date(first.getTime() + n * hour)),
    ...{ price: null, reservedAt: null },
  }));
  await database.db.insert(smsMessages).values(texts);
  await rollUpDays(database.db, now, 1_000);
  const days = { first: '2026-11-01', last: '2026-11-19' };
  try {
    settings.reportTimeZone = 'Asia/Tokyo';
    while ((await rollUpDays(database.db, now, 30)) > 0);
    const { period, byArea, series, missingDays } = await readReport(database.db, days, now);
    const count = (sums: Record<string, Sums>) =>
      Object.values(sums).reduce((sum, { texts: n }) => sum + n, 0);
    expect(missingDays).toEqual([]);
    expect([period.byPurpose, byArea].map(count)).toEqual([100, 100]);
    expect(countTexts(series)).toBe(100);
  } finally {
    settings.reportTimeZone = zone;
  }
});

test.each(['Asia/Kolkata', 'Pacific/Honolulu'])(
  'a text counts once after a change of zones from %s, as well on the first day there is',
  async (formerZone) => {
    const settings = env() as { reportTimeZone: string };
    const at = new Date('2026-11-10T12:00:00Z');
    const texts = [at, new Date(at.getTime() + 2 * 24 * hour)].map((moment) => ({
      ...randomText(randomFrom(3), moment),
      ...{ price: null, reservedAt: null },
    }));
    await database.db.insert(smsMessages).values(texts);
    await database.db.insert(smsVerificationLog).values({ event: 'send_refused', reason: 'send_limit', at });
    try {
      settings.reportTimeZone = formerZone;
      await rollUpDays(database.db, now, 1_000);
    } finally {
      settings.reportTimeZone = zone;
    }
    await rollUpDays(database.db, now, 1_000);
    const report = await readReport(database.db, { first: '2026-11-05', last: '2026-11-15' }, now);
    const counted = Object.values(report.period.byPurpose).reduce((sum, sums) => sum + sums.texts, 0);
    expect(counted).toBe(2);
    expect(report.period.events.refusal).toMatchObject({ send_limit: 1 });
    const before = await readReport(database.db, { first: '2026-11-09', last: '2026-11-09' }, now);
    expect(before.period.byPurpose).toEqual({});
    expect(countTexts(before.series)).toBe(0);
    const rows = await database.db.select({ kind: smsRollups.kind }).from(smsRollups);
    expect(rows.filter(({ kind }) => kind === 'hour')).toHaveLength(2);
  },
);

test.each(['infinity', '-infinity', '290000-01-01Z', '4000-01-01 BC'])(
  'a text that left and was delivered at %s is counted, and no report fails over it',
  async (odd) => {
    await database.db.insert(smsMessages).values({
      ...randomText(randomFrom(1), new Date(now.getTime() - 5 * 60_000)),
      ...{ purpose: 'update', direction: 'out', status: 'delivered', price: null, reservedAt: null },
      ...{ sentAt: now, deliveredAt: now, heldAt: now },
    });
    await database.pool.query(`update sms_messages set sent_at = $1, delivered_at = $1`, [odd]);
    const { period } = await readReport(database.db, { first: '2026-11-19', last: '2026-11-19' }, now);
    expect(period.byPurpose.update).toMatchObject({ texts: 1, delivered: 1 });
  },
);

test.each([
  '{}',
  '{1,NULL}',
  '{{1,2},{3,4}}',
  '{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27}',
])('classes of time that are not as they are written here, as %s, take no report down', async (latencies) => {
  await database.db.insert(smsMessages).values(randomText(() => 0, new Date('2026-11-12T12:00:00Z')));
  await rollUpDays(database.db, now, 1_000);
  await database.db.execute(sql`update sms_rollups set latencies = ${latencies}::int[]`);
  for (const first of ['2026-11-12', '2026-11-10']) {
    const { period, series } = await readReport(database.db, { first, last: '2026-11-12' }, now);
    const all = [...Object.values(period.byPurpose), ...series.map(({ out }) => out)];
    for (const { latencies: counts } of all) expect(counts.every(Number.isSafeInteger)).toBe(true);
  }
});

test('a reason of 14,000 characters keeps no day without sums', async () => {
  const at = new Date('2026-11-12T12:00:00Z');
  // Repeated letters would be compressed, and fit the index.
  const long = Array.from({ length: 400 }, () => randomUUID()).join('');
  await database.db.insert(smsMessages).values({
    ...randomText(() => 0, at),
    ...{ status: 'failed', errorCode: null, attempts: 0, reason: long },
  });
  await database.db.insert(smsVerificationLog).values({ at, event: 'send_refused', reason: long });
  await rollUpDays(database.db, now, 1_000);
  const { period, byError, missingDays } = await readReport(
    database.db,
    { first: '2026-11-12', last: '2026-11-12' },
    now,
  );
  expect(missingDays).toEqual([]);
  const key = long.slice(0, 100);
  expect(period.events.refusal).toEqual({ [key]: 2 });
  expect(Object.keys(byError)).toEqual([key]);
});

test('a kind of event that another version counts takes no report down', async () => {
  await database.db.insert(smsMessages).values(randomText(randomFrom(1), now));
  await rollUpDays(database.db, now, 10);
  await database.db.execute(sql`
    insert into event_rollups (kind, at, key, times) values ('constructor', '2026-11-19T05:00:00Z', 'x', 3)`);
  const { period } = await readReport(database.db, { first: '2026-11-19', last: '2026-11-19' }, now);
  expect(period.events).toEqual({ funnel: {}, refusal: {}, other: {} });
});

test('an empty installation has a report of nothing', async () => {
  expect(await rollUpDays(database.db, now, 10)).toBe(0);
  const report = await readReport(database.db, { first: '2026-11-19', last: '2026-11-19' }, now);
  expect(report.period).toEqual({ byPurpose: {}, events: { funnel: {}, refusal: {}, other: {} } });
  expect(report.series).toHaveLength(24);
});

describe('times to delivery', () => {
  const counts = (given: Record<number, number>) =>
    Array.from({ length: latencyBounds.length + 1 }, (_, index) => given[index] ?? 0);

  test('percentiles are read off within their class, and add up over days', () => {
    expect(readPercentile(counts({}), 0.5)).toBeNull();
    expect(readPercentile(counts({ 0: 10 }), 0.5)).toBe(0.5);
    // 90 within 2 to 3 s, 10 within 60 to 90 s.
    const day = counts({ 2: 90, 12: 10 });
    expect(readPercentile(day, 0.5)).toBeCloseTo(2 + 50 / 90);
    expect(readPercentile(day, 0.95)).toBe(75);
    expect(readPercentile(counts({ 24: 1 }), 0.5)).toBe(Infinity);
  });

  test('the share within a time is exact at its bounds', () => {
    expect(readShareWithin(counts({}), 10)).toBeNull();
    expect(readShareWithin(counts({ 6: 3, 7: 1 }), 10)).toBe(0.75);
  });
});

test('a day that another process has in hand for long is no error, and holds up no other', async () => {
  const at = new Date(now.getTime() - 3 * 24 * hour);
  await database.db.insert(smsMessages).values(randomText(randomFrom(5), at));
  const lines = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const pool = openPool(database.url, workerPool);
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query(
      `insert into rolled_days (day, time_zone, rolled_at) values ('2026-11-18', '${zone}', '2026-11-20')`,
    );
    const done = await rollUpDays(drizzle(pool), now, 1_000);
    await holder.query('rollback');
    expect(await rollUpDays(database.db, now, 1_000)).toBe(1);
    expect(done).toBeGreaterThan(0);
    expect(lines.mock.calls.flat().filter((line) => String(line).includes('day_not_summed_up'))).toEqual([]);
  } finally {
    holder.release(true);
    await pool.end();
    lines.mockRestore();
  }
});

test('a report that is read while a day is summed up counts each text once', async () => {
  const start = new Date('2026-11-19T05:00:00Z').getTime();
  const texts: Text[] = Array.from({ length: 21 * 60 }, (_, n) => {
    const at = new Date(start + n * 60_000 + 1_000);
    return {
      ...{ id: randomUUID(), direction: 'out', phone: '+14155550101', purpose: 'update', template: 'x' },
      ...{ createdAt: at, sendAfter: at, status: 'delivered', segments: 1, sentAt: at, deliveredAt: at },
      ...{ price: '0.010000', reservedAt: at, attempts: 1 },
    } as Text;
  });
  await database.db.insert(smsMessages).values(texts);
  await rollUpToday(database.db, new Date(now.getTime() - 11 * 60_000));
  const days = { first: '2026-11-19', last: '2026-11-19' };
  let times = 0;
  // Once the report has learned which sums there are, they change.
  const between = Object.create(database.db) as typeof database.db;
  between.execute = (async (query: never) => {
    const answer = await database.db.execute(query);
    if (answer.rows[0] && 'until_ms' in answer.rows[0] && (times += 1) === 1) {
      expect(await rollUpToday(database.db, now)).toBe(1);
    }
    return answer;
  }) as never;
  const { period, byArea } = await readReport(between, days, now);
  expect(times).toBe(2);
  expect(period.byPurpose.update).toMatchObject({
    texts: texts.length,
    reservedMicros: texts.length * 10_000,
  });
  expect(byArea['+1415']!.texts).toBe(texts.length);
});
