import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { distinctInstant, readWindows } from '@/lib/rate-limits/sliding-window';
import { useDatabase } from '@/tests/support/database';
import { after, noon } from '@/tests/support/people';

const database = useDatabase();
const rules = [
  { limit: 3, windowSeconds: 3600 },
  { limit: 10, windowSeconds: 86_400 },
];

describe('sliding windows', () => {
  test('never let more than the limit into any window, and never refuse below it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 7200 }), { minLength: 1, maxLength: 80 }), (gaps) => {
        const taken: number[] = [];
        let hits: Date[] = [];
        let now = noon.getTime();
        for (const gap of gaps) {
          now += gap * 1000;
          const window = readWindows(hits, rules, new Date(now));
          const full = rules.some(
            ({ limit, windowSeconds }) =>
              taken.filter((time) => time > now - windowSeconds * 1000 && time <= now).length >= limit,
          );
          expect(window.retryAt !== null).toBe(full);
          expect(window.remaining === 0).toBe(full);
          if (full) continue;
          const at = distinctInstant(hits, new Date(now));
          hits = [...window.kept, at];
          taken.push(at.getTime());
        }
      }),
    );
  });

  test('say exactly when the next is allowed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 30 }), (offsets) => {
        const hits = offsets.map((offset) => after(noon, -offset));
        const { retryAt } = readWindows(hits, rules, noon);
        if (retryAt === null) return;
        expect(readWindows(hits, rules, retryAt).retryAt).toBeNull();
        expect(readWindows(hits, rules, new Date(retryAt.getTime() - 1)).retryAt).toEqual(retryAt);
      }),
    );
  });

  test('count what another clock wrote as ahead, but nothing that is further ahead than the window is long', () => {
    const rules = [{ limit: 1, windowSeconds: 3600 }];
    expect(readWindows([after(noon, 1800)], rules, noon)).toMatchObject({
      remaining: 0,
      retryAt: after(noon, 5400),
    });
    expect(readWindows([after(noon, 10 * 24 * 3600)], rules, noon)).toEqual({
      remaining: 1,
      retryAt: null,
      kept: [],
    });
  });

  test('do not care about the order of the hits', () => {
    const hits = [after(noon, -30), after(noon, -3000), after(noon, -10)];
    expect(readWindows(hits, rules, noon)).toEqual(readWindows([...hits].reverse(), rules, noon));
  });
});

describe('hits', () => {
  test('forty at the same instant are exactly the limit', async () => {
    const entries = [{ keys: limitKeys('test', ['race']), rules: [{ limit: 5, windowSeconds: 900 }] }];
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => takeHits(database.db, entries, noon)),
    );
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(5);
  });

  test('that are taken out do not count, and no other goes with them', async () => {
    const entries = [{ keys: limitKeys('test', ['back']), rules: [{ limit: 2, windowSeconds: 900 }] }];
    const first = await takeHits(database.db, entries, noon);
    const second = await takeHits(database.db, entries, noon);
    expect(await takeHits(database.db, entries, noon)).toEqual({ ok: false, retryAt: after(noon, 900) });
    if (first.ok) await first.refund();
    expect(second.ok).toBe(true);
    expect((await takeHits(database.db, entries, noon)).ok).toBe(true);
    expect((await takeHits(database.db, entries, noon)).ok).toBe(false);
  });

  test('refused by one limit are not counted by the other', async () => {
    const narrow = { keys: limitKeys('test', ['narrow']), rules: [{ limit: 1, windowSeconds: 60 }] };
    const wide = { keys: limitKeys('test', ['wide']), rules: [{ limit: 2, windowSeconds: 60 }] };
    expect((await takeHits(database.db, [narrow, wide], noon)).ok).toBe(true);
    expect((await takeHits(database.db, [narrow, wide], noon)).ok).toBe(false);
    expect((await takeHits(database.db, [wide], noon)).ok).toBe(true);
    expect((await takeHits(database.db, [wide], noon)).ok).toBe(false);
  });

  test('are kept under a name that tells neither email nor address', () => {
    expect(limitKeys('password_email', ['someone@example.com']).join()).not.toContain('someone');
  });
});
