import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { askForCode, askForUpdate, makePerson, readText, whenText } from '../support/texts';
import { useWorkers } from './workers-on-fake';

const workers = useWorkers();
const { database } = workers;

beforeEach(() => database.db.execute(sql`truncate sms_messages, sms_senders, sms_spend`));

function startWithClock(aheadMs: number) {
  return workers.start({
    NODE_OPTIONS: `--import=${fileURLToPath(new URL('clock-ahead.mjs', import.meta.url))}`,
    CLOCK_AHEAD_MS: String(aheadMs),
  });
}

test.each([15_000, -15_000, 3_600_000])(
  'a dispatcher whose clock is off by %i ms sends nothing that another has claimed, and warns',
  async (aheadMs) => {
    // Each call is out for longer than a glance of the other dispatcher takes.
    workers.fake.onCreate = () => ({
      kind: 'accept_after',
      before: () => new Promise((resolve) => setTimeout(resolve, 2_500)),
    });
    const people = await Promise.all(Array.from({ length: 8 }, () => makePerson(database.db)));
    const right = await startWithClock(0);
    const ids = await Promise.all(
      people.map(async (person, index) =>
        index % 2 === 0
          ? (await askForCode(database.db, person)).messageId
          : askForUpdate(database.db, person),
      ),
    );
    await workers.fake.whenSeen(() => workers.fake.requests.length === 8);
    const wrong = await startWithClock(aheadMs);
    for (const id of ids) await whenText(database.db, id, (row) => row.status === 'sent');
    // The one that is off does its own work as well as any.
    await right.stop();
    workers.fake.onCreate = () => null;
    const alone = await askForCode(database.db, await makePerson(database.db));
    await whenText(database.db, alone.messageId, (row) => row.status === 'sent');
    expect(workers.fake.texts).toHaveLength(9);
    expect(workers.fake.requests.map(({ kind }) => kind)).toEqual(Array.from({ length: 9 }, () => 'create'));
    const row = await readText(database.db, alone.messageId);
    expect(Math.abs(row.sentAt!.getTime() - Date.now())).toBeLessThan(5_000);
    expect(workers.fake.texts.at(-1)!.validityPeriod).toBeGreaterThan(590);
    expect(wrong.output()).toContain('clock_skew');
    expect(right.output()).not.toContain('clock_skew');
  },
  60_000,
);

test('a text that a web server whose clock is ahead wished for goes out at once', async () => {
  await startWithClock(0);
  const person = await makePerson(database.db);
  const wishedAt = new Date(Date.now() + 15_000);
  const { messageId } = await askForCode(database.db, person, wishedAt);
  await whenText(database.db, messageId, (row) => row.status === 'sent', 5_000);
});
