import { expect, test } from 'vitest';
import { sayLately } from '@/components/sms/DevPhoneText';

test.each([
  ['2026-11-24T18:12:00Z', '1:12 PM EST'],
  ['2026-11-24T05:00:00Z', '12:00 AM EST'],
  ['2026-11-24T04:59:00Z', 'Mon, Nov 23, 11:59 PM EST'],
  ['2026-11-22T18:12:00Z', 'Sun, Nov 22, 1:12 PM EST'],
])('of a number texted at %s the list says %s: the day where it is not today', (at, words) => {
  expect(sayLately(at, 'America/New_York', new Date('2026-11-24T22:00:00Z'))).toBe(words);
});
