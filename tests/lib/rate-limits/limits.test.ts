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

  test('count what another clock wrote as a little ahead, but keep nobody out for longer than the window is long', () => {
    const rules = [{ limit: 1, windowSeconds: 3600 }];
    expect(readWindows([after(noon, 45)], rules, noon)).toMatchObject({
      remaining: 0,
      retryAt: after(noon, 3645),
    });
    // What a clock will come to is kept, so that no limit is spent twice by setting a clock right.
    for (const ahead of [61, 1800]) {
      const hit = after(noon, ahead);
      expect(readWindows([hit], rules, noon)).toEqual({ remaining: 1, retryAt: null, kept: [hit] });
      expect(readWindows([hit], rules, after(hit, 1))).toMatchObject({ remaining: 0 });
    }
    const far = readWindows([after(noon, 10 * 24 * 3600)], rules, noon);
    expect(far).toEqual({ remaining: 1, retryAt: null, kept: [] });
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

  test('of a name that others have counted already and one that is new wait for nobody in a circle', async () => {
    const rules = [{ limit: 500, windowSeconds: 900 }];
    // The new ones come before it in the order of locks.
    const known = { keys: ['z:known'] as const, rules };
    await takeHits(database.db, [known], noon);
    for (let round = 0; round < 25; round += 1) {
      const fresh = ['a', 'b'].map((name) => ({ keys: [`${name}:fresh-${round}`] as const, rules }));
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () => takeHits(database.db, [...fresh, known], noon)),
      );
      expect(outcomes.every(({ ok }) => ok)).toBe(true);
    }
    const { rows } = await database.pool.query<{ hits: number }>(
      `select cardinality(hits) as hits from rate_limits where key like '%:fresh-%' or key = 'z:known' order by key`,
    );
    expect(rows.map(({ hits }) => hits)).toEqual([...Array<number>(50).fill(8), 201]);
  });

  test('that wait for a name that is being counted first keep nobody from the names that they share', async () => {
    const rules = [{ limit: 5, windowSeconds: 900 }];
    const entries = [{ keys: ['o:shared', 'n:shared'] as const, rules }];
    await takeHits(database.db, [{ keys: ['o:shared'], rules }], noon);
    const other = await database.pool.connect();
    try {
      await other.query(`begin; set local lock_timeout = '5s'`);
      const insert = (key: string) =>
        other.query(
          'insert into rate_limits (key, hits, empty_at) values ($1, $2, $3) on conflict do nothing',
          [key, [noon], after(noon, 900)],
        );
      await insert('n:shared');
      const waiting = takeHits(database.db, entries, noon);
      await expect
        .poll(async () => (await other.query('select 1 from pg_locks where not granted')).rowCount)
        .toBeGreaterThan(0);
      expect((await insert('o:shared')).rowCount).toBe(0);
      await other.query('rollback');
      expect((await waiting).ok).toBe(true);
    } finally {
      other.release();
    }
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
