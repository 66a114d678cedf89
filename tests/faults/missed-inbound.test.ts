import { expect, test } from 'vitest';
import { readNumber } from '@/lib/sms/numbers/number';
import { fromPhone, nextPhone } from '../support/texts';
import { useWorkers } from './workers-on-fake';

const workers = useWorkers();
const { database } = workers;

test('a STOP that came in while nothing ran is obeyed once the worker starts, whose end waits for nothing', async () => {
  const isStopped = async (phone: string) => (await readNumber(database.db, phone))?.suppressedAt != null;
  const write = () => {
    const text = { from: nextPhone(), to: fromPhone, body: 'stop texting me' };
    workers.fake.receive({ ...text, sentAt: new Date(Date.now() - 3600_000) });
    return text.from;
  };
  const before = write();
  const first = await workers.start();
  await expect.poll(() => isStopped(before), { timeout: 20_000 }).toBe(true);
  await first.killHard();

  const meanwhile = write();
  const second = await workers.start();
  await expect.poll(() => isStopped(meanwhile), { timeout: 20_000 }).toBe(true);
  expect(second.output()).not.toContain(meanwhile);
  await expect.poll(() => second.output()).toContain('sms_alert alert=inbound_missed count=1');
  expect(await second.stop()).toBe(0);
  expect(workers.fake.texts).toEqual([]);
});
