import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { totpKeys } from '@/db/schema/two-factor';
import { checkTotp, resealTotpKeys } from '@/lib/auth/two-factor/totp';
import { env } from '@/lib/env';
import { useDatabase } from '@/tests/support/database';
import { setUpTotp, totpAt } from '@/tests/support/factors';
import { after, noon } from '@/tests/support/people';
import { giveSettledPerson, type SettledPerson } from '@/tests/support/settled-person';
import { withSettings } from '@/tests/support/settings';

const database = useDatabase();
const [first] = env().authSecrets;
const second = 'the second secret, of 32 bytes or more';
const older = 'an older secret, of 32 bytes or more..';
const gone = 'one that is gone, of 32 bytes or more..';

const give = () => giveSettledPerson(database.db, { role: 'staff', phone: null, factor: false });

const setUp = ({ userId, email }: SettledPerson) =>
  database.db.transaction((tx) => setUpTotp(tx, { userId, email }, noon));

const rowOf = async ({ userId }: SettledPerson) =>
  (await database.db.select().from(totpKeys).where(eq(totpKeys.userId, userId)))[0]!;

test('keys are sealed under a new secret, and then open without the old one; a code counts all the while', async () => {
  const person = await give();
  const key = await setUp(person);
  const codeCounts = (seconds: number) =>
    checkTotp(
      database.db,
      { userId: person.userId, code: totpAt(key, after(noon, seconds)) },
      after(noon, seconds),
    );
  await withSettings({ authSecrets: [second, first] }, async () => {
    expect(await codeCounts(60)).toBe(true);
    expect(await resealTotpKeys(database.db, noon, 100)).toBe(1);
    expect(await codeCounts(120)).toBe(true);
    expect(await resealTotpKeys(database.db, noon, 100)).toBe(0);
  });
  await withSettings({ authSecrets: [second] }, async () => expect(await codeCounts(180)).toBe(true));
});

test('a code that a server whose clock was ahead has taken is never right again', async () => {
  const person = await give();
  const key = await setUp(person);
  const counts = (codeAt: number, seconds: number) =>
    checkTotp(
      database.db,
      { userId: person.userId, code: totpAt(key, after(noon, codeAt)) },
      after(noon, seconds),
    );
  expect(await counts(395, 395)).toBe(true);
  expect(await counts(300, 300)).toBe(false);
  expect(await counts(395, 380)).toBe(false);
  expect(await counts(425, 420)).toBe(true);
  await database.pool.query('update totp_keys set last_step = 999999999 where user_id = $1', [person.userId]);
  expect(await counts(480, 480)).toBe(true);
  expect(await counts(480, 481)).toBe(false);
});

test('keys whose secret is gone, or that are broken, hold up none of the others', async () => {
  const [lost, broken, sound] = [await give(), await give(), await give()];
  await withSettings({ authSecrets: [gone] }, () => setUp(lost));
  await withSettings({ authSecrets: [older] }, async () => {
    await setUp(broken);
    await setUp(sound);
  });
  await database.pool.query(`update totp_keys set sealed_key = 'broken' where user_id = $1`, [broken.userId]);
  const before = await rowOf(lost);
  await withSettings({ authSecrets: [first, older] }, async () => {
    expect(await resealTotpKeys(database.db, noon, 1)).toBe(1);
    expect(await resealTotpKeys(database.db, noon, 1)).toBe(1);
    expect(await resealTotpKeys(database.db, noon, 1)).toBe(0);
  });
  // Once its secret is there again, the key is, too.
  expect(await rowOf(lost)).toEqual(before);
  const { sealedKey, sealedWith } = await rowOf(broken);
  expect([sealedKey, sealedWith]).toEqual(['broken', (await rowOf(sound)).sealedWith]);
});
