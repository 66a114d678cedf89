import fc from 'fast-check';
import { expect, test } from 'vitest';
import { followCondition, type Standing, type Verdict } from '@/lib/alarms/follow-condition';

const start: Standing = { isOpen: false, run: 0, runSince: null };
const verdicts = fc.array(fc.constantFrom<Verdict>('bad', 'between', 'good'), { maxLength: 200 });
const patience = fc.record({
  opensAfter: fc.integer({ min: 1, max: 12 }),
  clearsAfter: fc.integer({ min: 1, max: 12 }),
});
const at = (check: number) => new Date(Date.UTC(2026, 0, 1, 0, check));

function follow(of: readonly Verdict[], rule: { opensAfter: number; clearsAfter: number }) {
  let standing = start;
  return of.map((verdict, check) => {
    const next = followCondition(standing, verdict, at(check), rule);
    standing = next.standing;
    return { ...next, verdict, check };
  });
}

/** How many of the last checks up to this one had the verdict, in a row. */
function inARow(of: readonly Verdict[], verdict: Verdict, upTo: number): number {
  let count = 0;
  for (let check = upTo; check >= 0 && of[check] === verdict; check -= 1) count += 1;
  return count;
}

test('an alarm opens by enough bad checks in a row and ends by enough good ones in a row, and by nothing else', () => {
  fc.assert(
    fc.property(verdicts, patience, (of, rule) => {
      let isOpen = false;
      let lastChange = -1;
      for (const { change, check, standing } of follow(of, rule)) {
        const wanted = isOpen ? 'good' : 'bad';
        const patienceNow = isOpen ? rule.clearsAfter : rule.opensAfter;
        // What came before the last change speaks for nothing any more.
        const run = Math.min(inARow(of, wanted, check), check - lastChange);
        expect(change !== null).toBe(run === patienceNow);
        if (change !== null) {
          expect(change.is).toBe(isOpen ? 'ends' : 'opens');
          if (change.is === 'opens') expect(change.since).toEqual(at(check - rule.opensAfter + 1));
          isOpen = !isOpen;
          lastChange = check;
        }
        expect(standing.isOpen).toBe(isOpen);
      }
    }),
  );
});

test('what goes to and fro at every check opens nothing, and ends nothing that is open', () => {
  const rule = { opensAfter: 2, clearsAfter: 2 };
  const toAndFro = Array.from({ length: 50 }, (_, n): Verdict => (n % 2 === 0 ? 'bad' : 'good'));
  expect(follow(toAndFro, rule).filter(({ change }) => change !== null)).toEqual([]);
  const opened: Verdict[] = ['bad', 'bad', ...toAndFro];
  expect(follow(opened, rule).filter(({ change }) => change !== null)).toHaveLength(1);
});

test('what is neither bad nor good changes nothing, however long it lasts', () => {
  const between = Array.from({ length: 50 }, (): Verdict => 'between');
  const rule = { opensAfter: 1, clearsAfter: 1 };
  expect(follow(between, rule).every(({ change }) => change === null)).toBe(true);
  expect(follow(['bad', ...between], rule).at(-1)!.standing.isOpen).toBe(true);
});

test('a row of checks that has lost its beginning opens an alarm as of now', () => {
  const { change } = followCondition({ isOpen: false, run: 1, runSince: null }, 'bad', at(5), {
    opensAfter: 2,
    clearsAfter: 1,
  });
  expect(change).toEqual({ is: 'opens', since: at(5) });
});
