import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findRemedy, remedies } from '@/lib/sms/delivery/error-codes';
import { senderRestUntil, nextTryAt, backoffMs } from '@/lib/sms/delivery/retry-policy';

const now = new Date('2026-03-07T20:00:00Z');
const random = fc.double({ min: 0, max: 1, noNaN: true });

describe('the error table', () => {
  test.each([
    [20003, 'stop_sender'],
    [20429, 'slow_down'],
    [21211, 'final'],
    [21408, 'final'],
    [21610, 'final'],
    [21611, 'retry'],
    [21614, 'final'],
    [30001, 'retry'],
    [30003, 'retry'],
    [30004, 'final'],
    [30005, 'final'],
    [30006, 'final'],
    [30007, 'final'],
    [30008, 'retry'],
    [30022, 'slow_down'],
    [30023, 'next_day'],
    [30027, 'next_day'],
    [30032, 'stop_sender'],
    [30034, 'stop_sender'],
    [30036, 'final'],
    [30410, 'retry'],
    [30450, 'retry'],
    [30453, 'final'],
    [30454, 'final'],
    [30500, 'retry'],
    [63038, 'next_day'],
  ])('%i means %s', (code, kind) => {
    expect(findRemedy({ code, httpStatus: 400 }).kind).toBe(kind);
  });

  test('operators hear of what only they can mend', () => {
    const alerting = [...remedies].filter(([, remedy]) => remedy.kind === 'final' && remedy.alert);
    expect(alerting.map(([code]) => code).sort()).toEqual([21408, 30007]);
  });

  test('an opt-out and a number that cannot be texted are kept with the number', () => {
    const effects = [...remedies].flatMap(([code, remedy]) =>
      remedy.kind === 'final' && remedy.effect ? [[code, remedy.effect]] : [],
    );
    expect(effects).toEqual([
      [21610, 'opt_out'],
      [30005, 'undeliverable'],
      [30006, 'undeliverable'],
    ]);
  });

  test.each([
    [401, 'stop_sender'],
    [429, 'slow_down'],
    [404, 'final'],
  ])('an unlisted code goes by its HTTP status %i: %s', (httpStatus, kind) => {
    expect(findRemedy({ code: 99999, httpStatus }).kind).toBe(kind);
    expect(findRemedy({ code: null, httpStatus }).kind).toBe(kind);
  });
});

describe('nextTryAt', () => {
  const waitMs = (code: number, facts: { attempt?: number; isCode?: boolean; random: number }) => {
    const at = nextTryAt(findRemedy({ code, httpStatus: 400 }), { attempt: 1, isCode: true, now, ...facts });
    return at === null ? null : at.getTime() - now.getTime();
  };

  test('a code is tried again within 10 seconds, whatever the dice say', () => {
    fc.assert(
      fc.property(random, fc.constantFrom(21611, 30001, 30003, 30008, 30410, 20429, 30022), (dice, code) => {
        const wait = waitMs(code, { random: dice })!;
        expect(wait).toBeGreaterThanOrEqual(1_000);
        expect(wait).toBeLessThan(10_000);
      }),
    );
  });

  test('waits grow with the tries, up to a ceiling, and never leave the jitter between half and all of it', () => {
    fc.assert(
      fc.property(random, fc.integer({ min: 1, max: 60 }), fc.boolean(), (dice, attempt, isCode) => {
        const wait = backoffMs({ attempt, isCode, random: dice });
        const least = backoffMs({ attempt, isCode, random: 0 });
        const most = backoffMs({ attempt, isCode, random: 1 });
        expect(wait).toBeGreaterThanOrEqual(least);
        expect(wait).toBeLessThanOrEqual(most);
        expect(most).toBe(least * 2);
        expect(most).toBeLessThanOrEqual(isCode ? 60_000 : 30 * 60_000);
        expect(backoffMs({ attempt: attempt + 1, isCode, random: 0 })).toBeGreaterThanOrEqual(least);
      }),
    );
  });

  test('an unreachable handset is tried twice more, an unknown and an internal error once', () => {
    expect([1, 2, 3].map((attempt) => waitMs(30003, { attempt, random: 0 }) !== null)).toEqual([
      true,
      true,
      false,
    ]);
    for (const code of [30008, 30500]) {
      expect([1, 2].map((attempt) => waitMs(code, { attempt, random: 0 }) !== null)).toEqual([true, false]);
    }
  });

  test('a block as pumping rests 15 to 30 minutes', () => {
    fc.assert(
      fc.property(random, (dice) => {
        const minutes = waitMs(30450, { random: dice })! / 60_000;
        expect(minutes).toBeGreaterThanOrEqual(15);
        expect(minutes).toBeLessThanOrEqual(30);
      }),
    );
  });

  test('a daily cap waits for midnight in Pacific time, also over the change of clocks', () => {
    const remedy = findRemedy({ code: 30023, httpStatus: 400 });
    const facts = { attempt: 1, isCode: false, random: 0 };
    expect(nextTryAt(remedy, { ...facts, now })).toEqual(new Date('2026-03-08T08:00:00Z'));
    const changing = new Date('2026-03-08T20:00:00Z');
    expect(nextTryAt(remedy, { ...facts, now: changing })).toEqual(new Date('2026-03-09T07:00:00Z'));
  });

  test('a provider that names its pause is given at least that', () => {
    const remedy = findRemedy({ code: 20429, httpStatus: 429 });
    const at = nextTryAt(remedy, { attempt: 1, isCode: true, retryAfterSeconds: 42, random: 0, now });
    expect(at).toEqual(new Date(now.getTime() + 42_000));
  });

  test('what is final has no next try', () => {
    expect(waitMs(21211, { random: 0.5 })).toBeNull();
  });
});

describe('senderRestUntil', () => {
  const restMs = (
    code: number,
    facts: { retryAfterSeconds?: number | null; paid?: boolean; random: number },
  ) => {
    const until = senderRestUntil(findRemedy({ code, httpStatus: 400 }), { paid: false, now, ...facts });
    return until === null ? null : until.getTime() - now.getTime();
  };

  test('too many requests rest a sender for seconds, or as the provider says, never for more than a minute', () => {
    fc.assert(
      fc.property(
        random,
        fc.constantFrom(20429, 30022),
        fc.option(fc.nat()),
        (dice, code, retryAfterSeconds) => {
          const rest = restMs(code, { random: dice, retryAfterSeconds })!;
          expect(rest).toBeGreaterThanOrEqual(Math.max(3_000, Math.min(60, retryAfterSeconds ?? 0) * 1000));
          expect(rest).toBeLessThanOrEqual(Math.max(6_000, Math.min(60, retryAfterSeconds ?? 0) * 1000));
        },
      ),
    );
  });

  test('a sender that is refused rests a minute, and a quarter of an hour where each try costs', () => {
    expect(restMs(20003, { random: 0 })).toBe(60_000);
    expect(restMs(30034, { random: 0, paid: true })).toBe(15 * 60_000);
  });

  test('an error about one text says nothing about the sender', () => {
    for (const code of [21211, 30003, 30023, 30450])
      expect(restMs(code, { random: 0.5, paid: true })).toBeNull();
  });
});
