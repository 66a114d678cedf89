import { expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { writePlainly } from '../../scripts/web/plain-console';

function makeConsole() {
  const lines: string[] = [];
  const console: Pick<Console, 'error' | 'warn'> = { error: () => undefined, warn: () => undefined };
  writePlainly(console, openLog({ level: 'info', write: (line) => lines.push(line) }));
  return { console, lines };
}

test('an error that Next prints is one line of the log, with its digest and where it came from', () => {
  const { console, lines } = makeConsole();
  const error = Object.assign(new TypeError('a page broke\nin two lines'), { digest: '123@E1' });
  console.error('\x1b[31m⨯\x1b[0m', error);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^\S+Z error web_error error="TypeError: a page broke" digest="?123@E1"? at=".*plain-console\.test\.ts/,
  );
  expect(lines[0]).not.toContain('\n');
});

test('words are one line without colors, and numbers in them are hidden', () => {
  const { console, lines } = makeConsole();
  console.warn('\x1b[33mwarned\x1b[0m of %s\nfor +15551234567', 'something');
  expect(lines).toEqual([
    expect.stringMatching(/^\S+Z warn web_warning said="warned of something\\nfor \[number\]"$/),
  ]);
});

test('the values of a failed statement are not in it', () => {
  const { console, lines } = makeConsole();
  const cause = Object.assign(new Error('duplicate key value'), {
    detail: 'Key (email)=(someone@example.com)',
  });
  console.error(new Error('Failed query: insert', { cause }));
  expect(lines.join()).not.toContain('someone');
});
