import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { phoneNumbers } from '@/db/schema/sms';
import { countDeadText, forgetDeadTexts, markOutOfService, readDoubt } from '@/lib/sms/numbers/doubt';
import { newId } from '@/lib/random';
import { readNumber } from '@/lib/sms/numbers/number';
import { recordStatements, useDatabase } from '../../../support/database';
import { after, newPhone, noon } from '../../../support/people';
import { makePerson } from '../../../support/texts';

const database = useDatabase();
const day = 86_400;

/** A number that someone holds, who proved it ten days before noon of November 20. */
async function hold(changes: Partial<typeof phoneNumbers.$inferInsert> = {}): Promise<string> {
  const { phone } = await makePerson(database.db, { phone: newPhone() });
  await database.db
    .update(phoneNumbers)
    .set({ heldSince: after(noon, -10 * day), ...changes })
    .where(eq(phoneNumbers.number, phone));
  return phone;
}

async function doubtOf(phone: string) {
  return readDoubt(await readNumber(database.db, phone));
}

async function dead(
  phone: string,
  seconds: number,
  text: Partial<Parameters<typeof countDeadText>[1]> = {},
): Promise<void> {
  const userId = (await readNumber(database.db, phone))!.holderUserId;
  const update = { userId, purpose: 'update', sendClass: null };
  await database.db.transaction((tx) =>
    countDeadText(tx, { phone, ...update, at: after(noon, seconds), ...text }),
  );
}

describe('a number on a list of numbers out of service', () => {
  test('is in doubt if an account holds it that has entered no code there after that day', async () => {
    const held = await hold();
    const provenThatDay = await hold({ heldSince: new Date('2026-11-19T23:59:59Z') });
    const provenAfter = await hold({ heldSince: new Date('2026-11-20T00:00:00Z') });
    const signedInAfter = await hold({ provenAgainAt: new Date('2026-11-20T00:00:00Z') });
    const nobodys = await hold({ holderUserId: null, heldSince: null });
    const unknown = newPhone();
    const listed = [held, provenThatDay, provenAfter, signedInAfter, nobodys, unknown];
    expect(await markOutOfService(database.db, listed, '2026-11-19')).toBe(2);
    for (const phone of [held, provenThatDay]) {
      expect(await doubtOf(phone)).toEqual({ reason: 'out_of_service', on: '2026-11-19' });
    }
    for (const phone of [provenAfter, signedInAfter, nobodys]) expect(await doubtOf(phone)).toBeNull();
    expect(await readNumber(database.db, unknown)).toBeNull();
  });

  test('keeps the latest day, in whatever order days are read and however often, each in one statement', async () => {
    const phone = await hold();
    const marked: number[] = [];
    const statements = await recordStatements(database.pool, async () => {
      for (const on of ['2026-11-18', '2026-11-18', '2026-11-19', '2026-11-17']) {
        marked.push(await markOutOfService(database.db, [phone], on));
      }
    });
    expect(marked).toEqual([1, 0, 0, 0]);
    expect(statements).toHaveLength(4);
    expect(await doubtOf(phone)).toEqual({ reason: 'out_of_service', on: '2026-11-19' });
  });
});

describe('a number where texts find nobody', () => {
  test('is in doubt after three days of that, however many texts failed on each', async () => {
    const phone = await hold();
    for (const seconds of [0, 60, 600, day - 1, day, day + 60]) await dead(phone, seconds);
    expect(await doubtOf(phone)).toBeNull();
    await dead(phone, 2 * day);
    expect(await doubtOf(phone)).toEqual({ reason: 'dead_number', since: after(noon, 2 * day) });
    await dead(phone, 5 * day);
    expect((await readNumber(database.db, phone))!.deadTexts).toHaveLength(4);
    expect(await doubtOf(phone)).toEqual({ reason: 'dead_number', since: after(noon, 5 * day) });
  });

  test('is counted from the beginning after a delivery, which takes no doubt away once there is one', async () => {
    const phone = await hold();
    const deliver = () => database.db.transaction((tx) => forgetDeadTexts(tx, phone, null));
    for (const days of [0, 1]) await dead(phone, days * day);
    await deliver();
    for (const days of [2, 3]) await dead(phone, days * day);
    expect(await doubtOf(phone)).toBeNull();
    await dead(phone, 4 * day);
    await deliver();
    expect(await doubtOf(phone)).not.toBeNull();
  });

  test('stays in doubt however late the next text fails', async () => {
    const phone = await hold();
    for (const days of [0, 10, 20, 100]) await dead(phone, days * day);
    expect(await doubtOf(phone)).toEqual({ reason: 'dead_number', since: after(noon, 100 * day) });
  });

  test('is cast in doubt by no text that anyone may have sent there', async () => {
    const phone = await hold();
    for (const days of [0, 1, 2, 3]) {
      await dead(phone, days * day, { purpose: 'verification', sendClass: 'prove' });
      await dead(phone, days * day, { purpose: 'verification', sendClass: 'recover' });
      await dead(phone, days * day, { userId: newId() });
      await dead(phone, days * day, { userId: null });
    }
    expect((await readNumber(database.db, phone))!.deadTexts).toEqual([]);
    for (const days of [0, 1, 2]) {
      await dead(phone, days * day, { purpose: 'verification', sendClass: 'sign_in' });
    }
    expect(await doubtOf(phone)).not.toBeNull();
  });

  test('is not in doubt for days that lie months apart', async () => {
    const phone = await hold();
    for (const days of [0, 120, 240, 241]) await dead(phone, days * day);
    expect(await doubtOf(phone)).toBeNull();
    expect((await readNumber(database.db, phone))!.deadTexts).toHaveLength(2);
    await dead(phone, 245 * day);
    expect(await doubtOf(phone)).toMatchObject({ reason: 'dead_number' });
  });

  test('is not counted where nobody holds it', async () => {
    const phone = await hold({ holderUserId: null });
    for (const days of [0, 1, 2]) await dead(phone, days * day);
    expect((await readNumber(database.db, phone))!.deadTexts).toEqual([]);
  });
});
