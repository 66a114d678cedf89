import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { reserveSpend, sumSpend } from '@/lib/sms/budget';
import { useDatabase } from '../../support/database';
import { askForUpdate, makePerson, readText, type Person } from '../../support/texts';

const database = useDatabase();
const start = new Date('2026-05-01T12:00:00Z');
const day = 24 * 3600 * 1000;
const plenty = { perUserMicros: 1e9, totalMicros: 1e9 };

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages`);
});

function after(ms: number): Date {
  return new Date(start.getTime() + ms);
}

/** Texts in a dispatcher's hands, ready to be reserved for. */
async function claimTexts(people: readonly Person[], leaseUntil: Date): Promise<string[]> {
  const ids = await Promise.all(people.map((person) => askForUpdate(database.db, person)));
  await database.db.execute(sql`update sms_messages set status = 'sending',
    lease_until = ${leaseUntil.toISOString()}::timestamptz where status = 'queued'`);
  return ids;
}

describe('reserveSpend', () => {
  test('1,000 reservations at the same instant never pass the cap, and use all of it', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => makePerson(database.db)));
    const owners = Array.from({ length: 1000 }, (_, index) => people[index % people.length]!);
    const ids = await claimTexts(owners, after(day));
    const budget = { perUserMicros: 7900 * 30, totalMicros: 7900 * 321 + 7899 };
    const answers = await Promise.all(
      ids.map((messageId, index) =>
        reserveSpend(database.db, {
          messageId,
          userId: owners[index]!.userId,
          leaseUntil: after(day),
          priceMicros: 7900,
          segments: 1,
          budget,
          now: start,
        }),
      ),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(321);
    expect(await sumSpend(database.db, { userId: null, since: after(-day) })).toBe(7900n * 321n);
    for (const { userId } of people) {
      const spent = await sumSpend(database.db, { userId, since: after(-day) });
      expect(spent).toBeLessThanOrEqual(BigInt(budget.perUserMicros));
    }
  }, 60_000);

  test('one person’s cap does not touch another’s, and the refusal says which rule, value and limit', async () => {
    const [one, other] = [await makePerson(database.db), await makePerson(database.db)];
    const ids = await claimTexts([one, one, other], after(day));
    const budget = { perUserMicros: 10_000, totalMicros: 1_000_000 };
    const reserve = (messageId: string, { userId }: Person, now: Date) =>
      reserveSpend(database.db, {
        messageId,
        userId,
        leaseUntil: after(day),
        priceMicros: 7900,
        segments: 1,
        budget,
        now,
      });
    expect(await reserve(ids[0]!, one, start)).toEqual({ ok: true });
    expect(await reserve(ids[1]!, one, after(1000))).toEqual({
      ok: false,
      reason: 'budget',
      rule: 'SMS_DAILY_BUDGET_PER_USER_USD',
      priceMicros: 7900n,
      spentMicros: 7900n,
      limitMicros: 10_000n,
      retryAt: after(day),
    });
    expect(await reserve(ids[2]!, other, after(1000))).toEqual({ ok: true });
    expect(await reserve(ids[1]!, one, after(day - 1))).toMatchObject({ ok: false, reason: 'budget' });
    expect(await reserve(ids[1]!, one, after(day))).toEqual({ ok: true });
  });

  test('a text dearer than the cap itself has no moment at which it fits', async () => {
    const person = await makePerson(database.db);
    const [messageId] = await claimTexts([person], after(day));
    const answer = await reserveSpend(database.db, {
      messageId: messageId!,
      userId: person.userId,
      leaseUntil: after(day),
      priceMicros: 7900,
      segments: 1,
      budget: { perUserMicros: 7899, totalMicros: 1e9 },
      now: start,
    });
    expect(answer).toMatchObject({ ok: false, retryAt: null });
  });

  test('only the dispatcher whose lease stands reserves, and with it the text counts as called for', async () => {
    const person = await makePerson(database.db);
    const [messageId] = await claimTexts([person], after(day));
    const reserve = (leaseUntil: Date) =>
      reserveSpend(database.db, {
        messageId: messageId!,
        userId: person.userId,
        leaseUntil,
        priceMicros: 15_800,
        segments: 2,
        budget: plenty,
        now: start,
      });
    expect(await reserve(after(1))).toEqual({ ok: false, reason: 'lost' });
    expect(await readText(database.db, messageId!)).toMatchObject({
      unknownSince: null,
      price: null,
      attempts: 0,
    });
    expect(await reserve(after(day))).toEqual({ ok: true });
    expect(await readText(database.db, messageId!)).toMatchObject({
      unknownSince: start,
      price: '0.015800',
      estimatedPrice: '0.015800',
      segments: 2,
      attempts: 1,
      reservedAt: start,
    });
  });

  test('agrees with a plain model of a rolling day, whatever is reserved, released and settled', async () => {
    const person = await makePerson(database.db);
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: day / 2 }),
      priceMicros: fc.integer({ min: 1, max: 40_000 }),
      fate: fc.oneof(
        fc.constant({ kind: 'keep' as const }),
        fc.constant({ kind: 'release' as const }),
        fc.record({ kind: fc.constant('settle' as const), micros: fc.integer({ min: 0, max: 60_000 }) }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await database.db.execute(sql`truncate sms_messages`);
        const limit = 80_000;
        let nowMs = 0;
        let spends: { atMs: number; micros: number }[] = [];
        for (const { afterMs, priceMicros, fate } of steps) {
          nowMs += afterMs;
          const [messageId] = await claimTexts([person], after(365 * day));
          const answer = await reserveSpend(database.db, {
            messageId: messageId!,
            userId: person.userId,
            leaseUntil: after(365 * day),
            priceMicros,
            segments: 1,
            budget: { perUserMicros: limit, totalMicros: 1e9 },
            now: after(nowMs),
          });
          spends = spends.filter(({ atMs }) => atMs > nowMs - day);
          const spent = spends.reduce((sum, { micros }) => sum + micros, 0);
          expect(answer.ok).toBe(spent + priceMicros <= limit);
          if (!answer.ok) {
            expect(answer).toMatchObject({ spentMicros: BigInt(spent), priceMicros: BigInt(priceMicros) });
            const moments = spends.map(({ atMs }) => atMs + day).sort((a, b) => a - b);
            const room = (at: number) =>
              spends.filter(({ atMs }) => atMs > at - day).reduce((sum, { micros }) => sum + micros, 0);
            const expected = moments.find((at) => room(at) + priceMicros <= limit);
            expect(answer).toMatchObject({ retryAt: expected === undefined ? null : after(expected) });
            await database.db.execute(sql`delete from sms_messages where id = ${messageId!}`);
            continue;
          }
          const micros = fate.kind === 'settle' ? fate.micros : fate.kind === 'release' ? null : priceMicros;
          await database.db.execute(sql`update sms_messages set status = 'sent',
            price = ${micros}::numeric / 1000000 where id = ${messageId!}`);
          if (micros !== null) spends.push({ atMs: nowMs, micros });
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
