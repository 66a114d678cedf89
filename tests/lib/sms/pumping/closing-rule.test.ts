import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closureHours, countsFrom, judgeCounts, type ScopeCounts } from '@/lib/sms/pumping/closing-rule';

const hourMs = 3_600_000;
const at = (hours: number) => new Date(Date.UTC(2026, 10, 20) + hours * hourMs);

/** The formula as it is written down, in sixtieths, so that nothing is rounded. */
function model(kind: 'prefix' | 'network' | 'all', counts: ScopeCounts): 'hour' | 'day' | null {
  const sixtieths = (n: number, times: number) => BigInt(n) * BigInt(times);
  const most = (values: bigint[]) => values.reduce((a, b) => (a > b ? a : b));
  const [ofDay, ofHour] = kind === 'network' ? [60, 60] : [18, 12];
  const dayBar = most([1200n, sixtieths(counts.bestDay, 18), sixtieths(counts.verifiedDay, ofDay)]);
  const hourBar = most([1200n, sixtieths(counts.bestDay, 2), sixtieths(counts.verifiedHour, ofHour)]);
  const enough = (networks: number) => kind !== 'prefix' || networks > 4;
  if (sixtieths(counts.unverifiedHour, 60) >= hourBar && enough(counts.networksHour)) return 'hour';
  if (sixtieths(counts.unverifiedDay, 60) >= dayBar && enough(counts.networksDay)) return 'day';
  return null;
}

const few = fc.integer({ min: 0, max: 60 });
const some = fc.oneof(few, fc.integer({ min: 0, max: 5_000 }));
const anyCounts: fc.Arbitrary<ScopeCounts> = fc.record({
  unverifiedHour: some,
  unverifiedDay: some,
  networksHour: few,
  networksDay: few,
  verifiedHour: some,
  verifiedDay: some,
  bestDay: some,
});
const anyKind = fc.constantFrom('prefix', 'network', 'all' as const);

describe('what closes a scope', () => {
  test('is what the formula says, for any counts', () => {
    fc.assert(
      fc.property(anyKind, anyCounts, (kind, counts) => {
        expect(judgeCounts(kind, counts)?.window ?? null).toBe(model(kind, counts));
      }),
      { numRuns: 5_000 },
    );
  });

  test('is never fewer than twenty, nor a prefix by fewer than five networks', () => {
    fc.assert(
      fc.property(anyKind, anyCounts, (kind, counts) => {
        const verdict = judgeCounts(kind, counts);
        if (verdict === null) return;
        expect(verdict.unverified).toBeGreaterThanOrEqual(verdict.threshold);
        expect(verdict.threshold).toBeGreaterThanOrEqual(20);
        if (kind === 'prefix') expect(Math.max(counts.networksHour, counts.networksDay)).toBeGreaterThan(4);
      }),
      { numRuns: 2_000 },
    );
  });

  test('no code that is entered closes anything, and none that is not opens it again', () => {
    fc.assert(
      fc.property(anyKind, anyCounts, fc.integer({ min: 1, max: 500 }), (kind, counts, more) => {
        const { verifiedHour, verifiedDay, bestDay, unverifiedHour, unverifiedDay } = counts;
        const better = {
          ...counts,
          verifiedHour: verifiedHour + more,
          verifiedDay: verifiedDay + more,
          bestDay: bestDay + more,
        };
        if (judgeCounts(kind, counts) === null) expect(judgeCounts(kind, better)).toBeNull();
        const worse = {
          ...counts,
          unverifiedHour: unverifiedHour + more,
          unverifiedDay: unverifiedDay + more,
        };
        if (judgeCounts(kind, counts) !== null) expect(judgeCounts(kind, worse)).not.toBeNull();
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ['nineteen of an unknown prefix', { unverifiedDay: 19 }, null],
    ['twenty of an unknown prefix', { unverifiedDay: 20 }, 'day'],
    ['twenty of four networks', { unverifiedDay: 20, networksDay: 4 }, null],
    ['59 where the best day had 200', { unverifiedDay: 59, bestDay: 200 }, null],
    ['60 where the best day had 200', { unverifiedDay: 60, bestDay: 200 }, 'day'],
    ['twenty in an hour where the best day had 600', { unverifiedHour: 20, bestDay: 600 }, 'hour'],
    ['twenty in an hour where it had 601', { unverifiedHour: 20, bestDay: 601 }, null],
    ['a launch: 100 in an hour with 501 entered', { unverifiedHour: 100, verifiedHour: 501 }, null],
  ])('%s', (_name, given, window) => {
    const counts = {
      ...{ unverifiedHour: 0, unverifiedDay: 0, networksHour: 9, networksDay: 9 },
      ...{ verifiedHour: 0, verifiedDay: 0, bestDay: 0, ...given },
    };
    expect(judgeCounts('prefix', counts)?.window ?? null).toBe(window);
  });
});

describe('how long', () => {
  test('an hour, and twice as long each time within a day, up to 24', () => {
    const lengths: number[] = [];
    let last: { begunAt: Date; endsAt: Date } | null = null;
    let now = at(0);
    for (let times = 0; times < 7; times += 1) {
      const hours = closureHours(last, now);
      lengths.push(hours);
      last = { begunAt: now, endsAt: new Date(now.getTime() + hours * hourMs) };
      now = new Date(last.endsAt.getTime() + 23 * hourMs);
    }
    expect(lengths).toEqual([1, 2, 4, 8, 16, 24, 24]);
    expect(closureHours(last, new Date(last!.endsAt.getTime() + 24 * hourMs))).toBe(1);
  });

  test('nothing of before its end counts again', () => {
    expect(countsFrom(null)).toBeNull();
    expect(countsFrom({ endsAt: at(5.5), endedAt: null })).toEqual(at(5));
    expect(countsFrom({ endsAt: at(9), endedAt: at(5.5) })).toEqual(at(6));
  });
});
