import { and, eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { stepUpByFactor, stepUpByPassword } from '@/lib/auth/two-factor/step-up';
import { useDatabase } from '@/tests/support/database';
import { giveTotp, totpAt } from '@/tests/support/factors';
import { after, contextAt, noon } from '@/tests/support/people';
import { giveSettledPerson, password, readSessionOf } from '@/tests/support/settled-person';

const database = useDatabase();

const listConfirmed = (userId: string) =>
  database.db
    .select({ address: auditLog.address, details: auditLog.details })
    .from(auditLog)
    .where(and(eq(auditLog.userId, userId), eq(auditLog.action, 'confirmed_again')))
    .orderBy(auditLog.at);

test('whoever confirms again and again leaves one entry an hour, and anyone elsewhere one beside it', async () => {
  const person = await giveSettledPerson(database.db, { phone: null });
  const user = await readSessionOf(database.db, person, noon);
  const confirm = (seconds: number, address: string) =>
    stepUpByPassword(database.db, user, password, contextAt(after(noon, seconds), address));
  for (const [seconds, address] of [
    [0, '2001:db8:1::1'],
    [1, '2001:db8:1::1'],
    [2, '2001:db8:1:2::3'],
    [3, '198.51.100.7'],
    [4, '198.51.100.7'],
    [3601, '2001:db8:1::1'],
  ] as const) {
    expect(await confirm(seconds, address)).toEqual({ ok: true });
  }
  expect((await listConfirmed(person.userId)).map(({ address }) => address)).toEqual([
    '2001:db8:1::1',
    '198.51.100.7',
    '2001:db8:1::1',
  ]);
  // What it was shown by is another thing each time.
  const key = await giveTotp(database.db, person, noon);
  const held = await readSessionOf(database.db, person, after(noon, 3602));
  const at = after(noon, 3690);
  const given = { kind: 'code', code: totpAt(key, at) } as const;
  expect(await stepUpByFactor(database.db, held, given, contextAt(at, '2001:db8:1::1'))).toEqual({
    ok: true,
  });
  expect((await listConfirmed(person.userId)).map(({ details }) => details)).toEqual([
    { by: 'password' },
    { by: 'password' },
    { by: 'password' },
    { by: 'code' },
  ]);
});

test('those who confirm at the same moment from one browser leave one entry', async () => {
  const person = await giveSettledPerson(database.db, { phone: null });
  const user = await readSessionOf(database.db, person, noon);
  await Promise.all(
    Array.from({ length: 4 }, () =>
      stepUpByPassword(database.db, user, password, contextAt(after(noon, 5), '198.51.100.7')),
    ),
  );
  expect(await listConfirmed(person.userId)).toHaveLength(1);
});
