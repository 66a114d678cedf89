import { eq, inArray } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { fewAtOnce } from '@/lib/few-at-once';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { recordAcceptedTogether, type AcceptedAnswer } from '@/lib/sms/dispatch/accepted';
import type { HeldText } from '@/lib/sms/dispatch/claim';
import { openConsole } from '@/lib/sms/provider/console';
import { recordStatements, useDatabase } from '../../../support/database';
import { askForUpdate, makeEnv, makePerson, readText } from '../../../support/texts';

const database = useDatabase();

/** Texts that are being called for, and how to record that they were accepted. */
async function callFor(count: number) {
  const env = makeEnv(database.url);
  const log = openLog({ level: env.logLevel, write: () => undefined });
  const provider = openConsole(() => undefined);
  const work = {
    db: database.db,
    env,
    provider,
    log,
    paceClock: new PaceClock(),
    role: 'updates' as const,
    clockOffsetMs: 0,
  };
  const lease = new Date(Date.now() + 10_000);
  const texts: HeldText[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = await askForUpdate(database.db, await makePerson(database.db));
    await database.db
      .update(smsMessages)
      .set({ status: 'sending', leaseUntil: lease, unknownSince: new Date(), attempts: 1 })
      .where(eq(smsMessages.id, id));
    const message = await readText(database.db, id);
    texts.push({ held: { id, isCode: false, lease, clock: () => new Date() }, message });
  }
  return { texts, record: recordAcceptedTogether(work, fewAtOnce(4)) };
}

const answerFor = ({ message }: HeldText): AcceptedAnswer => ({
  sid: `SM${message.id.replaceAll('-', '')}`,
  status: 'queued',
  segments: 2,
});

async function readStates(texts: readonly HeldText[]) {
  const ids = texts.map(({ message }) => message.id);
  const rows = await database.db.select().from(smsMessages).where(inArray(smsMessages.id, ids));
  return ids.map((id) => rows.find((row) => row.id === id)!);
}

test('answers that come together are recorded by one statement, each with its own facts', async () => {
  const { texts, record } = await callFor(20);
  const statements = await recordStatements(database.pool, async () => {
    expect(await Promise.all(texts.map((text) => record(text, answerFor(text))))).toEqual(
      texts.map(() => true),
    );
  });
  expect(statements).toHaveLength(1);
  const rows = await readStates(texts);
  texts.forEach((text, index) => {
    const { sid, status, segments } = answerFor(text);
    expect(rows[index]).toMatchObject({
      status: 'sent',
      providerSid: sid,
      providerStatus: status,
      segments,
      leaseUntil: null,
      unknownSince: null,
      reason: null,
    });
    expect(rows[index]!.sentAt).not.toBeNull();
  });
});

test('an answer that names another text’s SID keeps none of the others from being recorded', async () => {
  const { texts, record } = await callFor(5);
  const taken = answerFor(texts[0]!);
  expect(await record(texts[0]!, taken)).toBe(true);
  const rest = texts.slice(1);
  const answers = [taken, ...rest.slice(1).map(answerFor)];
  expect(await Promise.all(rest.map((text, index) => record(text, answers[index]!)))).toEqual([
    false,
    true,
    true,
    true,
  ]);
  const rows = await readStates(rest);
  expect(rows.map(({ status }) => status)).toEqual(['sending', 'sent', 'sent', 'sent']);
  expect(rows[0]).toMatchObject({ providerSid: null, unknownSince: texts[1]!.message.unknownSince });
});

test('a text whose row someone holds keeps none of the others waiting', async () => {
  const { texts, record } = await callFor(4);
  const client = await database.pool.connect();
  let held: Promise<boolean>;
  try {
    await client.query('begin');
    await client.query('select from sms_messages where id = $1 for update', [texts[0]!.message.id]);
    held = record(texts[0]!, answerFor(texts[0]!));
    const others = texts.slice(1).map((text) => record(text, answerFor(text)));
    expect(await Promise.all(others)).toEqual([true, true, true]);
    expect((await readStates(texts)).map(({ status }) => status)).toEqual([
      'sending',
      'sent',
      'sent',
      'sent',
    ]);
  } finally {
    await client.query('rollback');
    client.release();
  }
  expect(await held).toBe(true);
  expect((await readStates(texts))[0]!.status).toBe('sent');
});

test('an answer that comes after its status report takes nothing of that back', async () => {
  const { texts, record } = await callFor(3);
  const [reported] = texts;
  const { sid } = answerFor(reported!);
  await database.db
    .update(smsMessages)
    .set({ status: 'delivered', providerSid: sid, providerStatus: 'delivered', sentAt: new Date() })
    .where(eq(smsMessages.id, reported!.message.id));
  await Promise.all(texts.map((text) => record(text, answerFor(text))));
  const rows = await readStates(texts);
  expect(rows.map(({ status }) => status)).toEqual(['delivered', 'sent', 'sent']);
  expect(rows[0]).toMatchObject({ providerStatus: 'delivered' });
});
