import { expect, test } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { revealNumber, revealPerson } from '@/lib/auth/admin/reveal-contact';
import { newId } from '@/lib/random';
import { markNumber } from '@/lib/phone/mark';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon } from '@/tests/support/people';
import { giveSettledPerson } from '@/tests/support/settled-person';

const database = useDatabase();
const soon = contextAt(after(noon, 60));
const much = contextAt(after(noon, 3600));

async function readAudit(userId: string | null) {
  const rows = await database.db.select().from(auditLog);
  return rows.filter((row) => row.action.endsWith('_revealed') && row.userId === userId);
}

test('an admin with a fresh second factor is told, and the audit has who looked, without what was seen', async () => {
  const { db } = database;
  const admin = await giveSettledPerson(db, { role: 'admin', phone: null });
  const person = await giveSettledPerson(db);
  expect(await revealPerson(db, admin, person.userId.toUpperCase(), soon)).toEqual({
    ok: true,
    phone: person.phone,
  });
  expect(await revealNumber(db, admin, person.phone!, soon)).toEqual({ ok: true });
  const entries = await readAudit(person.userId);
  expect(entries).toMatchObject([
    { action: 'contact_revealed', actorId: admin.userId, details: {} },
    { action: 'number_revealed', actorId: admin.userId, details: { number: markNumber(person.phone!) } },
  ]);
  expect(JSON.stringify(entries)).not.toContain(person.phone!.slice(-7));
  expect(JSON.stringify(entries)).not.toContain(person.email);
});

test('a number that nobody holds is in the audit by its mark alone', async () => {
  const { db } = database;
  const admin = await giveSettledPerson(db, { role: 'admin', phone: null });
  const phone = newPhone();
  expect(await revealNumber(db, admin, phone, soon)).toEqual({ ok: true });
  expect(await readAudit(null)).toMatchObject([{ details: { number: markNumber(phone) } }]);
});

test('without a fresh second factor, or a session, nothing is told and nothing is written', async () => {
  const { db } = database;
  const admin = await giveSettledPerson(db, { role: 'admin', phone: null });
  const { userId, phone } = await giveSettledPerson(db);
  const stale = { ok: false, reason: 'confirm_first' };
  expect(await revealPerson(db, admin, userId, much)).toEqual(stale);
  expect(await revealNumber(db, admin, phone!, much)).toEqual(stale);
  const over = { ...admin, sessionId: newId() };
  expect(await revealPerson(db, over, userId, soon)).toEqual({ ok: false, reason: 'not_open' });
  expect(await revealNumber(db, over, phone!, soon)).toEqual({ ok: false, reason: 'not_open' });
  const { userId: numberless } = await giveSettledPerson(db, { phone: null });
  for (const gone of [newId(), 'x', '', numberless]) {
    expect(await revealPerson(db, admin, gone, soon)).toEqual({ ok: false, reason: 'gone' });
  }
  expect(await readAudit(userId)).toEqual([]);
  expect(await readAudit(numberless)).toEqual([]);
});
