import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openLog } from '@/lib/log';
import { makeRefusalsLine } from '../../scripts/web/refusals-line';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function open() {
  const lines: string[] = [];
  const log = openLog({ level: 'info', write: (line) => lines.push(line.replace(/^\S+ /, '')) });
  return { lines, refusals: makeRefusalsLine({ log: () => log }) };
}

test('refusals are one line a minute at most, with how many, why, and of how many networks', () => {
  const { lines, refusals } = open();
  for (let second = 0; second < 120; second += 1) {
    refusals.note('crowded', `198.51.100.${second % 3}`);
    if (second % 10 === 0) refusals.note('slow', '203.0.113.5');
    vi.advanceTimersByTime(1_000);
  }
  expect(lines).toEqual([
    'warn requests_refused crowded=5 slow=1 networks=4',
    'warn requests_refused crowded=60 slow=6 networks=4',
  ]);
});

test('no line says an address, and none is written while nothing is refused', () => {
  const { lines, refusals } = open();
  refusals.note('pipelined', '203.0.113.5');
  refusals.flush();
  refusals.flush();
  vi.advanceTimersByTime(600_000);
  expect(lines).toEqual(['warn requests_refused pipelined=1 networks=1']);
});
