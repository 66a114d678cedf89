import { afterEach, beforeEach, expect, test } from 'vitest';
import { putAside } from '@/lib/sms/delivery/lists-aside';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { readArguments, seeToLists } from '../../scripts/commands/carrier-lists';
import { useDatabase } from '../support/database';
import { startFakeTwilio, type FakeTwilio } from '../support/fake-twilio';
import { noon } from '../support/people';
import { accountSid, authToken, makeEnv, makePerson, twilioVariables } from '../support/texts';
import { runScript } from './support/run-script';

const database = useDatabase();
let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
});
afterEach(() => fake.stop());

async function say(...args: string[]): Promise<string> {
  const provider = await openProvider(makeEnv(database.url, twilioVariables(fake.url)));
  return seeToLists({ db: database.db, provider }, readArguments(args), noon);
}

const aside = (day: string) =>
  putAside(database.db, { day, count: 5_000, wouldMark: 1_200, held: 2_500 }, noon);

test('shows what waits, lets a list through and drops one', async () => {
  expect(await say()).toBe('No list was put aside.');
  await aside('2026-11-18');
  await aside('2026-11-19');
  const line = '5,000 numbers, of which 1,200 of the 2,500 that people hold here would be in doubt';
  expect(await say()).toBe(`2026-11-19: ${line}\n2026-11-18: ${line}`);
  await expect(say('--mark', '2026-11-18')).rejects.toThrow(
    'The list of 2026-11-18 could not be read. Nothing was marked; try again later.',
  );
  const { phone } = await makePerson(database.db);
  fake.deactivations.set('2026-11-18', phone.slice(1));
  expect(await say('--mark', '2026-11-18')).toBe('The list of 2026-11-18 is let through. Newly in doubt: 1.');
  expect(await say('--drop', '2026-11-19')).toBe('The list of 2026-11-19 is dropped. No number was marked.');
  expect(await say()).toBe('No list was put aside.');
  await expect(say('--drop', '2026-11-19')).rejects.toThrow('No list of 2026-11-19 was put aside.');
  await expect(say('--mark', '2026-11-19')).rejects.toThrow('No list of 2026-11-19 was put aside.');
});

test.each([
  [['--mark', '2026-11-18', '--drop', '2026-11-18'], 'Give one of both.'],
  [['--mark', '2026-13-18'], "'2026-13-18' is no day such as 2026-11-30."],
  [['--drop', 'yesterday'], "'yesterday' is no day such as 2026-11-30."],
])('refuses %j in one line', (args, problem) => {
  expect(() => readArguments(args)).toThrow(problem);
});

test('runs from the command line', async () => {
  await aside('2026-11-20');
  const run = (...args: string[]) => runScript('carrier-lists', args, { DATABASE_URL: database.url });
  expect((await run()).out).toContain('2026-11-20: 5,000 numbers');
  expect(await run('--drop', '2026-11-20')).toEqual({
    ...{ code: 0, err: '', out: 'The list of 2026-11-20 is dropped. No number was marked.\n' },
  });
  expect(await run('--drop', '2026-11-20')).toMatchObject({ code: 1 });
});
