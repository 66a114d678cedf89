import { afterEach, beforeEach, expect, test } from 'vitest';
import { readNumber } from '@/lib/sms/numbers/number';
import { useDatabase } from '../support/database';
import { startFakeTwilio, type FakeTwilio } from '../support/fake-twilio';
import { accountSid, authToken, fromPhone, nextPhone, twilioVariables } from '../support/texts';
import { killWorkers, startWorker } from './worker-process';

const database = useDatabase();
let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
});
afterEach(async () => {
  await killWorkers();
  await fake.stop();
});

test('a STOP that came in while nothing ran is obeyed once the worker starts, whose end waits for nothing', async () => {
  const variables = {
    ...twilioVariables(fake.url),
    DATABASE_URL: database.url,
    AUTH_SECRET: process.env.AUTH_SECRET!,
  };
  const isStopped = async (phone: string) => (await readNumber(database.db, phone))?.suppressedAt != null;
  const write = () => {
    const text = { from: nextPhone(), to: fromPhone, body: 'stop texting me' };
    fake.receive({ ...text, sentAt: new Date(Date.now() - 3600_000) });
    return text.from;
  };
  const before = write();
  const first = await startWorker(variables);
  await expect.poll(() => isStopped(before), { timeout: 20_000 }).toBe(true);
  await first.killHard();

  const meanwhile = write();
  const second = await startWorker(variables);
  await expect.poll(() => isStopped(meanwhile), { timeout: 20_000 }).toBe(true);
  expect(second.output()).not.toContain(meanwhile);
  await expect.poll(() => second.output()).toContain('sms_alert alert=inbound_missed count=1');
  expect(await second.stop()).toBe(0);
  expect(fake.texts).toEqual([]);
});
