import { expect, test } from 'vitest';
import { hideNumbers } from '@/lib/phone/hide-numbers';

test.each([
  ['call 415-5550001', 'call [number]'],
  ['(415) 5550001 after 6', '[number] after 6'],
  ['ring 020 7946 0018, please', 'ring [number], please'],
  ['my cell:4155550123x', 'my cell:[number]x'],
  ['+1 (415) 555-0123.', '[number].'],
  ['415\u2013555\u20130123', '[number]'],
  ['\uff14\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff12\uff13', '[number]'],
  ['your code is 123456', 'your code is [digits]'],
  ['Unit 12, at 9:30 or 10:15', 'Unit 12, at 9:30 or 10:15'],
  ['STOP', 'STOP'],
  ['I owe $1,250.00 for 3 rooms', 'I owe $1,250.00 for 3 rooms'],
])('in the words %j no number is left to read', (words, hidden) => {
  expect(hideNumbers(words)).toBe(hidden);
});
