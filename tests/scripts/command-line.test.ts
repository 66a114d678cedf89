import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readCommandLine } from '../../scripts/command-line';
import { operatorName } from '../../scripts/commands/operator';
import { runScript } from './support/run-script';

/** Nothing answers there: a command that goes further than its arguments fails. */
const nowhere = { DATABASE_URL: 'postgres://doorstep:hush@127.0.0.1:1/doorstep' };

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const commands = Object.entries(scripts)
  .filter(([, line]) => line.startsWith('exec node --import tsx scripts/'))
  .map(([name]) => name);

test('these are all commands', () => {
  expect(commands).toEqual(
    expect.arrayContaining(['start', 'dev', 'worker', 'seed', 'create-user', 'set-password', 'sms-status']),
  );
  expect(commands).toEqual(expect.arrayContaining(['deactivate-user', 'set-role', 'end-sessions']));
});

describe.each(commands)('%s', (name) => {
  test('answers --help with its usage, whatever else is given, and does nothing else', async () => {
    const { code, out, err } = await runScript(name, ['--nonsense', '--help'], nowhere);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Usage: npm (run )?${name}( -- .+)?\n\n.+\n`));
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });

  test('refuses an option that it does not know with one line, and does nothing else', async () => {
    const { code, out, err } = await runScript(name, ['--nonsense'], nowhere);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^Unknown option '--nonsense'\. Usage: npm [^\n]+\n$/);
  });
});

test.each([
  [['one', 'two'], "Unexpected argument 'two'. Usage: npm run it"],
  [['--email'], "Option '--email <value>' argument missing. Usage: npm run it"],
  [['--email', '--role', 'x'], "Option '--email' argument is ambiguous. Usage: npm run it"],
])('%j is refused in one line', (args, words) => {
  const read = () =>
    readCommandLine(args, { usage: 'npm run it', about: '', options: ['email', 'role'], takesWord: true });
  expect(read).toThrow(words);
});

test('an argument that no command takes is named in full', () => {
  const read = () => readCommandLine(['nobody@mail.example.com'], { usage: 'npm run it', about: '' });
  expect(read).toThrow("Unexpected argument 'nobody@mail.example.com'. Usage: npm run it");
});

test('the operator has a name', () => {
  expect(operatorName()).not.toBe('');
});
