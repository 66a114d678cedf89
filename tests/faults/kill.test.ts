import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { askForCode, askForUpdate, makePerson, readText, whenText, type Person } from '../support/texts';
import { useWorkers } from './workers-on-fake';

const workers = useWorkers();
const { database } = workers;

beforeEach(() => database.db.execute(sql`truncate sms_messages, sms_senders`));

/** Each text was accepted exactly once, and the table says what the fake's record says. */
async function expectAgreement(texts: readonly { messageId: string; person: Person }[]): Promise<void> {
  for (const { messageId, person } of texts) {
    const row = await readText(database.db, messageId);
    const accepted = workers.fake.texts.filter(({ to }) => to === person.phone);
    expect(accepted.map(({ sid }) => sid)).toEqual([row.providerSid]);
    expect(row).toMatchObject({ status: 'sent', leaseUntil: null, unknownSince: null, price: '0.007900' });
  }
  expect(workers.fake.texts).toHaveLength(texts.length);
  const rows = await database.db.select({ id: smsMessages.id }).from(smsMessages);
  expect(rows).toHaveLength(texts.length);
}

/** A lock that stops a dispatcher at the step that needs it, until it is let go. */
async function holdLock(
  statement: string,
): Promise<{ waiters: () => Promise<number>; letGo: () => Promise<void> }> {
  const holder = await database.pool.connect();
  await holder.query('begin');
  await holder.query(statement);
  return {
    waiters: async () => {
      const { rows } = await database.pool.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rows[0]!.count;
    },
    letGo: async () => {
      // A statement that waits would still be carried out for a client that is gone.
      await database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      await holder.query('rollback');
      holder.release();
    },
  };
}

async function untilWaiting(lock: { waiters: () => Promise<number> }, count: number): Promise<void> {
  const deadline = Date.now() + 15_000;
  while ((await lock.waiters()) < count) {
    if (Date.now() > deadline) throw new Error('The worker never came to the lock');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('a worker killed with -9', () => {
  test('while calls are out, answered, accepted or not: each text arrives once, within 60 s of the next start', async () => {
    const fates = ['never_arrived', 'accepted', 'answered', 'not_begun'] as const;
    const texts = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const person = await makePerson(database.db);
        const asked =
          index < 8
            ? await askForCode(database.db, person)
            : { messageId: await askForUpdate(database.db, person) };
        return { messageId: asked.messageId, person, fate: fates[index % fates.length]! };
      }),
    );
    await database.db.execute(sql`update sms_messages set send_after = now() + interval '1 hour'
      where id in (${sql.join(
        texts.filter(({ fate }) => fate === 'not_begun').map(({ messageId }) => sql`${messageId}`),
        sql`, `,
      )})`);
    const fateOf = new Map(texts.map(({ person, fate }) => [person.phone, fate]));
    workers.fake.onCreate = ({ to }) => {
      const fate = fateOf.get(to);
      return fate === 'never_arrived'
        ? { kind: 'hang' }
        : fate === 'accepted'
          ? { kind: 'accept_and_hang' }
          : null;
    };
    const worker = await workers.start();
    await workers.fake.whenSeen(() => workers.fake.requests.length === 9 && workers.fake.texts.length === 6);
    await worker.killHard();

    workers.fake.onCreate = () => null;
    await database.db.execute(sql`update sms_messages set send_after = now() where send_after > now()`);
    await workers.start();
    const restartedAtMs = Date.now();
    for (const { messageId } of texts) {
      await whenText(
        database.db,
        messageId,
        (row) => row.status === 'sent',
        60_000 - (Date.now() - restartedAtMs),
      );
    }
    await expectAgreement(texts);
  });

  test('between the claim and the call: nothing was sent, and it is sent once without a look-up', async () => {
    const person = await makePerson(database.db);
    const { messageId } = await askForCode(database.db, person);
    const lock = await holdLock(`select pg_advisory_xact_lock(7316004253)`);
    const worker = await workers.start();
    await untilWaiting(lock, 1);
    await worker.killHard();
    await lock.letGo();
    expect(await readText(database.db, messageId)).toMatchObject({ status: 'sending', attempts: 0 });
    await workers.start();
    await whenText(database.db, messageId, (row) => row.status === 'sent', 60_000);
    expect(workers.fake.requests.map(({ kind }) => kind)).toEqual(['create']);
    await expectAgreement([{ messageId, person }]);
  });

  test('between the provider’s answer and its record: found by the look-up, not sent again', async () => {
    const person = await makePerson(database.db);
    const { messageId } = await askForCode(database.db, person);
    let lock: Awaited<ReturnType<typeof holdLock>> | undefined;
    workers.fake.onCreate = () => ({
      kind: 'accept_after',
      before: async () => {
        lock = await holdLock(`select 1 from sms_messages where id = '${messageId}' for update`);
      },
    });
    const worker = await workers.start();
    await workers.fake.whenSeen(() => lock);
    await untilWaiting(lock!, 1);
    await worker.killHard();
    await lock!.letGo();
    workers.fake.onCreate = () => null;
    await workers.start();
    await whenText(database.db, messageId, (row) => row.status === 'sent', 60_000);
    expect(workers.fake.requests.map(({ kind }) => kind)).toEqual(['create', 'list']);
    await expectAgreement([{ messageId, person }]);
  });

  test('while another worker runs: that one takes over what was claimed', async () => {
    const person = await makePerson(database.db);
    const doomed = await workers.start();
    workers.fake.onCreate = () => ({ kind: 'accept_and_hang' });
    const { messageId } = await askForCode(database.db, person);
    await workers.fake.whenSeen(() => workers.fake.texts.length === 1);
    workers.fake.onCreate = () => null;
    const other = await workers.start();
    await doomed.killHard();
    await whenText(database.db, messageId, (row) => row.status === 'sent', 60_000);
    await expectAgreement([{ messageId, person }]);
    expect(await other.stop()).toBe(0);
  });
});

describe('a worker told to end', () => {
  test('finishes the call it has begun, records it and leaves with 0', async () => {
    const person = await makePerson(database.db);
    const worker = await workers.start();
    let answer: () => void = () => undefined;
    workers.fake.onCreate = () => ({
      kind: 'accept_after',
      before: () => new Promise((resolve) => (answer = resolve)),
    });
    const { messageId } = await askForCode(database.db, person);
    await workers.fake.whenSeen(() => workers.fake.texts.length === 1);
    const left = worker.stop();
    answer();
    expect(await left).toBe(0);
    await expectAgreement([{ messageId, person }]);
    expect(worker.output()).not.toContain(person.phone);
  });
});
