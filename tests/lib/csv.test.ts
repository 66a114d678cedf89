import { expect, test } from 'vitest';
import { writeCsvRow } from '@/lib/csv';

test.each([
  ['=1+1', "'=1+1"],
  [' =1+1', "' =1+1"],
  ['\u00a0@SUM(A1)', "'\u00a0@SUM(A1)"],
  ['\ufeff-1', "'\ufeff-1"],
  ['\uff1d1', "'\uff1d1"],
  ['\u200b=1', "'\u200b=1"],
  ['\u2060\u00ad\u200e\u0001+1', "'\u2060\u00ad\u200e\u0001+1"],
  ['\tx', `"'\tx"`],
  ['+1 415', '+1 415'],
  ['+44\u2026', '+44\u2026'],
  ['+1 415-1', "'+1 415-1"],
  ['+14155550101', '+14155550101'],
  [' +14155550101', "' +14155550101"],
  ['1 = 1', '1 = 1'],
  ['a;b', '"a;b"'],
  ['say "yes"', '"say ""yes"""'],
])('%j in a cell is text for a spreadsheet, never a formula', (text, cell) => {
  expect(writeCsvRow([text])).toBe(`${cell}\r\n`);
});
