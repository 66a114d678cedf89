import { Client } from 'pg';
import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { phoneNumbers, smsMessages } from '@/db/schema/sms';
import { cancelTexts, enqueueText, outboxChannel, type NewText } from '@/lib/sms/outbox/text-outbox';
import { recordStatements, useDatabase } from '../../../support/database';
import { askForCode, askForUpdate, makePerson, nextPhone, readText } from '../../../support/texts';

const database = useDatabase();

function newText(overrides: Partial<NewText> = {}): NewText {
  const now = new Date();
  return {
    userId: null,
    phone: nextPhone(),
    purpose: 'notice',
    template: 'test',
    params: {},
    sendAfter: now,
    now,
    ...overrides,
  } as NewText;
}

describe('enqueueText', () => {
  test('the text and its wake-up come with the commit, or neither does, in one statement', async () => {
    const listener = new Client({ connectionString: database.url });
    await listener.connect();
    let heard = 0;
    let ring: () => void = () => undefined;
    listener.on('notification', () => {
      heard += 1;
      ring();
    });
    await listener.query(`listen ${outboxChannel}`);

    const undone = newText({ dedupeKey: 'undone' });
    await expect(
      database.db.transaction(async (tx) => {
        await enqueueText(tx, undone);
        throw new Error('undo');
      }),
    ).rejects.toThrow('undo');
    const rung = new Promise<void>((resolve) => (ring = resolve));
    const statements = await recordStatements(database.pool, () => enqueueText(database.db, newText()));
    await rung;

    expect(statements).toHaveLength(1);
    expect(heard).toBe(1);
    expect(await database.db.select().from(smsMessages).where(eq(smsMessages.dedupeKey, 'undone'))).toEqual(
      [],
    );
    await listener.end();
  });

  test('of many wishes with one key at the same instant exactly one becomes a text', async () => {
    const wishes = await Promise.all(
      Array.from({ length: 20 }, () => enqueueText(database.db, newText({ dedupeKey: 'once' }))),
    );
    expect(wishes.filter((wish) => wish !== null)).toHaveLength(1);
    const rows = await database.db.select().from(smsMessages).where(eq(smsMessages.dedupeKey, 'once'));
    expect(rows).toHaveLength(1);
  });

  test('what is stored comes back as it went in', async () => {
    const text = newText({
      params: { event: 'A "quoted" one', url: 'http://localhost' },
      expiresAt: new Date(),
    });
    const row = await readText(database.db, (await enqueueText(database.db, text))!.id);
    expect(row).toMatchObject({
      direction: 'out',
      status: 'queued',
      phone: text.phone,
      params: text.params,
      sendAfter: text.sendAfter,
      expiresAt: text.expiresAt,
      attempts: 0,
    });
  });
});

describe('cancelTexts', () => {
  test('withdraws what waits and gives its counted send back, and leaves what is claimed or sent alone', async () => {
    const person = await makePerson(database.db);
    const waiting = await askForCode(database.db, person);
    const inProgress = await askForUpdate(database.db, person);
    const sent = await askForUpdate(database.db, person);
    await database.db.update(smsMessages).set({ status: 'sending' }).where(eq(smsMessages.id, inProgress));
    await database.db.update(smsMessages).set({ status: 'sent' }).where(eq(smsMessages.id, sent));
    const count = await database.db.transaction((tx) =>
      cancelTexts(tx, { phone: person.phone }, 'stopped', new Date()),
    );
    expect(count).toBe(1);
    expect(await readText(database.db, waiting.messageId)).toMatchObject({
      status: 'canceled',
      reason: 'stopped',
    });
    expect((await readText(database.db, inProgress)).status).toBe('sending');
    expect((await readText(database.db, sent)).status).toBe('sent');
    const [number] = await database.db
      .select()
      .from(phoneNumbers)
      .where(eq(phoneNumbers.number, person.phone));
    expect(number!.proveSends).toEqual([]);
  });

  test('all conditions given must hold, and none at all is a fault', async () => {
    const person = await makePerson(database.db);
    const other = await makePerson(database.db);
    const mine = await askForUpdate(database.db, person);
    await database.db.transaction((tx) =>
      cancelTexts(tx, { userId: other.userId, phone: person.phone }, 'number_moved', new Date()),
    );
    expect((await readText(database.db, mine)).status).toBe('queued');
    await expect(database.db.transaction((tx) => cancelTexts(tx, {}, 'x', new Date()))).rejects.toThrow(
      RangeError,
    );
  });
});
