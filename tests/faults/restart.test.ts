import { drizzle } from 'drizzle-orm/node-postgres';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db } from '@/db/client';
import { migrateDatabase } from '@/db/migrate';
import { smsMessages } from '@/db/schema/sms';
import { startThrowawayDatabase, type ThrowawayDatabase } from '../../scripts/postgres/throwaway';
import { startFakeTwilio, type FakeTwilio } from '../support/fake-twilio';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  makePerson,
  readText,
  twilioVariables,
  whenText,
} from '../support/texts';
import { killWorkers, startWorker } from './worker-process';

let server: ThrowawayDatabase;
let pool: Pool;
let db: Db;
let fake: FakeTwilio;

beforeAll(async () => {
  server = await startThrowawayDatabase();
  await migrateDatabase(server.url);
  // Throw-away servers may lose what they have committed; here a commit must survive the crash, as in earnest.
  const { client } = await connect();
  await client.query(`alter database ${new URL(server.url).pathname.slice(1)} set synchronous_commit = on`);
  await client.end();
  pool = new Pool({ connectionString: server.url, max: 1 });
  pool.on('error', () => undefined);
  db = drizzle(pool);
  fake = await startFakeTwilio({ accountSid, authToken });
});

afterAll(async () => {
  await killWorkers();
  await fake.stop();
  await pool.end();
  await server.stop();
});

async function connect(): Promise<{ client: Client; lost: Promise<void> }> {
  const client = new Client({ connectionString: server.url });
  const lost = new Promise<void>((resolve) =>
    client.once('error', () => resolve()).once('end', () => resolve()),
  );
  client.on('error', () => undefined);
  await client.connect();
  return { client, lost };
}

/** One backend killed with -9 makes PostgreSQL end all others and recover from its log, as after a crash. */
async function crashPostgres(): Promise<void> {
  const [doomed, witness] = [await connect(), await connect()];
  const { rows } = await doomed.client.query<{ pid: number }>('select pg_backend_pid() as pid');
  process.kill(rows[0]!.pid, 'SIGKILL');
  await Promise.all([doomed.lost, witness.lost]);
}

/** New connections are refused until recovery is over; only then is the pool's own old one surely dead, too. */
async function untilAnswering(): Promise<void> {
  for (const answers of [() => connect().then(({ client }) => client.end()), () => pool.query('select 1')]) {
    while (
      !(await answers().then(
        () => true,
        () => false,
      ))
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

test('PostgreSQL restarted under load, with two workers: each text is accepted once, and the table agrees', async () => {
  const variables = {
    ...twilioVariables(fake.url),
    SMS_MESSAGES_PER_SECOND: '40',
    DATABASE_URL: server.url,
    AUTH_SECRET: process.env.AUTH_SECRET!,
  };
  const people = [];
  for (let index = 0; index < 80; index += 1) people.push(await makePerson(db));
  const ids: string[] = [];
  for (const [index, person] of people.entries()) {
    ids.push(index % 4 === 0 ? (await askForCode(db, person)).messageId : await askForUpdate(db, person));
  }
  await Promise.all([startWorker(variables), startWorker(variables)]);
  for (const reached of [15, 35, 55]) {
    await fake.whenSeen(() => fake.texts.length >= reached);
    await crashPostgres();
    await untilAnswering();
  }
  // A text that a crash left under way is asked for at the provider only once its lease is over, and tried again later.
  for (const id of ids) await whenText(db, id, (row) => row.status === 'sent', 150_000);
  for (const [index, person] of people.entries()) {
    const accepted = fake.texts.filter(({ to }) => to === person.phone).map(({ sid }) => sid);
    expect(accepted).toEqual([(await readText(db, ids[index]!)).providerSid]);
  }
  expect(await db.select({ id: smsMessages.id }).from(smsMessages)).toHaveLength(people.length);

  const late = await makePerson(db);
  const { messageId } = await askForCode(db, late);
  const row = await whenText(db, messageId, (each) => each.status === 'sent');
  expect(row.firstClaimedAt!.getTime() - row.createdAt.getTime()).toBeLessThan(1_500);
}, 400_000);
