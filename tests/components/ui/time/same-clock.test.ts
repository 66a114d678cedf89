import { expect, test } from 'vitest';
import { sameClock } from '@/components/ui/time/same-clock';

test.each([
  ['Asia/Kolkata', 'Asia/Calcutta', true],
  ['Europe/Kyiv', 'Europe/Kiev', true],
  ['US/Pacific', 'America/Los_Angeles', true],
  ['America/New_York', 'America/New_York', true],
  ['America/New_York', 'America/Panama', false],
  ['America/Denver', 'America/Phoenix', false],
  ['America/New_York', '', false],
  ['', '', false],
  ['nowhere', 'nowhere', false],
])('the clocks of %j and %j agree all year: %s', (zone, other, same) => {
  expect(sameClock(zone, other)).toBe(same);
});
