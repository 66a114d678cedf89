import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutPage, readKeyset, writeKeyset } from '@/lib/reporting/keyset';

const at = '2026-11-20T12:00:00.123456Z';
const uuid = '0b9d9a4e-8f3c-4d1e-9a55-0d7f3f1c2b3a';

test('a place is read back as it was written', () => {
  expect(readKeyset(writeKeyset({ at, id: uuid }), 'uuid')).toEqual({ at, id: uuid });
  expect(readKeyset(writeKeyset({ at, id: '42' }), 'number')).toEqual({ at, id: '42' });
});

test('a place that we did not write is no place', () => {
  for (const text of [
    undefined,
    '',
    at,
    `${at}_`,
    `${at}_42`,
    `${at}_${uuid}x`,
    `2026-13-40T12:00:00.123456Z_${uuid}`,
    `2026-11-20T12:00:00Z_${uuid}`,
    `${at}_${uuid}' or true --`,
  ]) {
    expect(readKeyset(text, 'uuid')).toBeNull();
  }
  expect(readKeyset(`${at}_${uuid}`, 'number')).toBeNull();
  expect(readKeyset(`${at}_99999999999999999999`, 'number')).toBeNull();
});

test('a page leads on exactly when there is more than it shows', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.integer({ min: 1, max: 30 }), (howMany, pageSize) => {
      const rows = Array.from({ length: Math.min(howMany, pageSize + 1) }, (_, i) => ({ at, id: String(i) }));
      const page = cutPage(rows, pageSize);
      expect(page.rows).toEqual(rows.slice(0, pageSize));
      expect(page.older === null).toBe(howMany <= pageSize);
    }),
  );
});
