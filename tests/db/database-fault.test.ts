import { expect, test } from 'vitest';
import { isDatabaseFault, isStatementTimeout } from '@/db/database-fault';

const withCode = (code: string) => Object.assign(new Error('as the driver throws it'), { code });

test.each(['08006', '40P01', '53300', '55P03', '57014', '57P01', '58030', 'ECONNREFUSED', 'ECONNRESET'])(
  'code %s is the fault of the database, also as the cause of another error',
  (code) => {
    expect(isDatabaseFault(withCode(code))).toBe(true);
    expect(isDatabaseFault(new Error('Failed query', { cause: withCode(code) }))).toBe(true);
  },
);

test.each([
  'Query read timeout',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Connection terminated unexpectedly',
  'Client was closed and is not queryable',
])('so is "%s", which the driver says without a code', (message) => {
  expect(isDatabaseFault(new Error('Failed query', { cause: new Error(message) }))).toBe(true);
});

test.each([
  withCode('23505'),
  withCode('22003'),
  withCode('42P01'),
  withCode('ERR_ASSERTION'),
  new Error('ours'),
  'text',
  null,
])('what the statement or our own code is to blame for is not: %o', (error) => {
  expect(isDatabaseFault(error)).toBe(false);
});

test('a statement that PostgreSQL cut off is told from everything else, also inside another fault', () => {
  expect(isStatementTimeout(new Error('Failed query', { cause: withCode('57014') }))).toBe(true);
  for (const other of [withCode('55P03'), withCode('57P01'), new Error('57014'), null]) {
    expect(isStatementTimeout(other)).toBe(false);
  }
});
