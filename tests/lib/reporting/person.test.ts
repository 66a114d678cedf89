import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsPreferences } from '@/db/schema/sms';
import { insertUser } from '@/lib/accounts/users';
import { recordAudit, type AuditAction } from '@/lib/audit';
import { readKeyset } from '@/lib/reporting/keyset';
import { readPerson, type SeenPerson } from '@/lib/reporting/person';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, givePerson, noon } from '@/tests/support/people';
import { giveSettledPerson } from '@/tests/support/settled-person';

const database = useDatabase();
const read = (userId: string, before: string | null = null) =>
  readPerson(database.db, userId, {
    adminId: newId(),
    historyBefore: readKeyset(before ?? undefined, 'number'),
    now: after(noon, 60),
  });

test('a person is shown with what they have, their number masked', async () => {
  const person = await giveSettledPerson(database.db);
  await recordAudit(database.db, { action: 'signed_in', userId: person.userId }, contextAt(after(noon, 1)));
  await recordAudit(database.db, { action: 'signed_out', userId: person.userId }, contextAt(after(noon, 2)));
  expect(await read(person.userId.toUpperCase())).toMatchObject({
    id: person.userId,
    name: person.name,
    email: person.email,
    emailProvenAt: null,
    isEmailReleased: false,
    role: 'applicant',
    state: 'active',
    maskedPhone: `•••${person.phone!.slice(-4)}`,
    phone: { state: 'verified', stopped: null, doubt: null },
    lastSignInAt: after(noon, 1),
    sessions: [{ id: person.sessionId }],
    history: [
      { action: 'signed_out', actor: { kind: 'owner' } },
      { action: 'signed_in', actor: { kind: 'owner' } },
    ],
  });
});

test('of whoever was not signed in, the address is known; of others, and of the product, there is none', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const context = (seconds: number) => ({ ...contextAt(after(noon, seconds)), address: '203.0.113.9' });
  const details = { reason: 'wrong_credentials' };
  await recordAudit(database.db, { action: 'sign_in_refused', userId, actorId: null, details }, context(1));
  await recordAudit(database.db, { action: 'signed_in', userId }, context(2));
  await recordAudit(
    database.db,
    { action: 'account_replaced', userId, actorId: null },
    {
      ...context(3),
      address: 'unknown',
    },
  );
  expect((await read(userId))?.history).toMatchObject([
    { action: 'account_replaced', actor: { kind: 'nobody' }, address: null },
    { action: 'signed_in', address: null },
    { action: 'sign_in_refused', address: '203.0.113.9', reason: 'wrong_credentials' },
  ]);
});

test('an admin reads moments in their own zone, or in that of the reports where none is known', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const zoneFor = async (adminId: string) =>
    (await readPerson(database.db, userId, { adminId, historyBefore: null, now: noon }))?.timeZone;
  expect(await zoneFor(newId())).toBe('America/New_York');
  const admin = await giveSettledPerson(database.db);
  await database.db
    .update(smsPreferences)
    .set({ timeZone: 'America/Denver' })
    .where(eq(smsPreferences.userId, admin.userId));
  expect(await zoneFor(admin.userId)).toBe('America/Denver');
});

test('a closed account says who closed it and why, and an open one does not, whoever closed it before', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const admin = await givePerson(database.db, { active: true, role: 'admin' });
  const close = async (seconds: number, actorId: string | null, details: Record<string, string>) => {
    const now = after(noon, seconds);
    await database.pool.query('update users set deactivated_at = $2 where id = $1', [userId, now]);
    await recordAudit(
      database.db,
      { action: 'account_deactivated', userId, actorId, details },
      contextAt(now),
    );
  };
  await close(1, null, { operator: 'root', reason: 'By mistake.' });
  await database.pool.query('update users set deactivated_at = null where id = $1', [userId]);
  expect((await read(userId))!.closing).toBeNull();
  await close(30, admin.userId, { reason: 'Left the company.' });
  await recordAudit(
    database.db,
    { action: 'sign_in_refused', userId, actorId: null, details: { reason: 'deactivated' } },
    contextAt(after(noon, 30.5)),
  );
  expect((await read(userId))!.closing).toMatchObject({
    actor: { kind: 'person', id: admin.userId, name: 'Test Person' },
    reason: 'Left the company.',
  });
});

test('what was done names who did it, in what way they did it', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const adminId = newId();
  await insertUser(database.db, {
    id: adminId,
    email: `${adminId}@example.com`,
    name: 'Ada Admin',
    passwordHash: '-',
    role: 'admin',
    phone: null,
    active: true,
    now: noon,
  });
  const record = (
    action: AuditAction,
    seconds: number,
    actorId: string | null,
    details: Record<string, string | number> = {},
  ) => recordAudit(database.db, { action, userId, actorId, details }, contextAt(after(noon, seconds)));
  await record('role_changed', 1, null, { operator: 'root', from: 'applicant', to: 'staff' });
  await record('account_deactivated', 2, adminId, { reason: 'Left the company.' });
  await record('account_reactivated', 3, newId(), { reason: 'Came back.' });
  await record('sign_in_refused', 4, null, { reason: 'wrong_credentials' });
  // What an earlier version may have written.
  await record('constructor' as AuditAction, 5, null, { reason: 7, from: 1 });
  await database.pool.query(`update audit_log set details = '"odd"' where action = 'constructor'`);
  expect((await read(userId))!.history).toMatchObject([
    { action: 'constructor', actor: { kind: 'nobody' }, reason: null, from: null },
    { action: 'sign_in_refused', actor: { kind: 'nobody' }, reason: 'wrong_credentials' },
    { action: 'account_reactivated', actor: { kind: 'person', name: null }, reason: 'Came back.' },
    {
      action: 'account_deactivated',
      actor: { kind: 'person', id: adminId, name: 'Ada Admin' },
      reason: 'Left the company.',
    },
    { action: 'role_changed', actor: { kind: 'operator', name: 'root' }, from: 'applicant', to: 'staff' },
  ]);
});

test('what happened goes on page after page, also where much happened at one moment', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  for (let n = 0; n < 45; n += 1) {
    await recordAudit(database.db, { action: 'signed_in', userId }, contextAt(noon));
  }
  const seen: string[] = [];
  let before: string | null = null;
  do {
    const page: SeenPerson = (await read(userId, before))!;
    seen.push(...page.history.map(({ id }) => id));
    before = page.olderHistory;
  } while (before !== null);
  expect(seen).toHaveLength(45);
  expect(new Set(seen).size).toBe(45);
});

test.each(['', 'x', "' or true", newId()])('nobody has the id %j', async (id) => {
  expect(await read(id)).toBeNull();
});

test('which admins had the whole number shown is listed by itself, the newest first', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  const [one, other] = [
    await givePerson(database.db, { active: true }),
    await givePerson(database.db, { active: true }),
  ];
  const look = (action: AuditAction, actorId: string, seconds: number) =>
    recordAudit(database.db, { action, userId, actorId }, contextAt(after(noon, seconds)));
  await look('contact_revealed', one.userId, 1);
  await look('signed_in', userId, 2);
  await look('number_revealed', other.userId, 3);
  const seen = await read(userId);
  expect(seen?.looks).toMatchObject([
    { action: 'number_revealed', actor: { kind: 'person', id: other.userId } },
    { action: 'contact_revealed', actor: { kind: 'person', id: one.userId } },
  ]);
  expect(seen?.hasOlderLooks).toBe(false);
  for (let seconds = 10; seconds < 20; seconds += 1) await look('contact_revealed', one.userId, seconds);
  expect(await read(userId)).toMatchObject({ looks: { length: 10 }, hasOlderLooks: true });
});
