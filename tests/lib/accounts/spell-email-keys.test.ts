import { eq } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { emailLinks } from '@/db/schema/mail';
import { withClient } from '@/db/migrate';
import { keyAsWritten } from '@/lib/accounts/email';
import { spellEmailKeys } from '@/lib/accounts/spell-email-keys';
import { findUserByEmail } from '@/lib/accounts/users';
import { requestReset, resetPassword } from '@/lib/auth/recovery/reset-password';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { readToken } from '@/tests/support/mails';
import { contextAt, givePerson, noon } from '@/tests/support/people';

const database = useDatabase();
const unicode = 'ada@b\u00fccher.example';
const ascii = 'ada@xn--bcher-kva.example';

beforeEach(() => database.pool.query('truncate users cascade'));

/** A person who was stored before both spellings had one key. */
async function giveEarlier(email: string): Promise<string> {
  const { userId } = await givePerson(database.db, {
    active: true,
    email: `${newId()}@example.com`,
    now: noon,
  });
  await database.db
    .update(users)
    .set({ email, emailKey: keyAsWritten(email) })
    .where(eq(users.id, userId));
  return userId;
}

const spell = () => withClient(database.url, spellEmailKeys);
const find = async (email: string) => (await findUserByEmail(database.db, email))?.id;
const readKey = async (userId: string) =>
  (await database.db.select().from(users).where(eq(users.id, userId)))[0]!.emailKey;

test('an account that was stored by the letters of its domain is found by both spellings, and so is its link', async () => {
  const userId = await giveEarlier(unicode);
  const linkId = await database.db.transaction((tx) =>
    enqueueLinkMail(tx, { purpose: 'confirm', template: 'confirmEmail', userId, email: unicode, now: noon }),
  );
  await database.db.update(emailLinks).set({ emailKey: unicode }).where(eq(emailLinks.id, linkId));
  await spell();
  await spell();
  expect([await find(unicode), await find(ascii), await find('ADA@B\u00dcCHER\uff0eexample')]).toEqual([
    userId,
    userId,
    userId,
  ]);
  const [link] = await database.db.select().from(emailLinks).where(eq(emailLinks.id, linkId));
  expect(link!.emailKey).toBe(ascii);
});

test('two accounts that one mailbox has already stay two, and each gets in by its own spelling', async () => {
  const [first, second] = [await giveEarlier(unicode), await giveEarlier(ascii)];
  await spell();
  expect([await find(unicode), await find(ascii)]).toEqual([first, second]);
  for (const [email, newPassword] of [
    [unicode, 'purple walrus engine'],
    [ascii, 'violet otter cactus'],
  ] as const) {
    expect(await requestReset(database.db, email, contextAt(noon))).toEqual({ ok: true });
    const token = await readToken(database.db, email);
    expect(await resetPassword(database.db, { token, newPassword }, contextAt(noon))).toMatchObject({
      ok: true,
    });
  }
  await database.pool.query('delete from users where id = $1', [second]);
  await spell();
  expect([await find(unicode), await find(ascii), await readKey(first)]).toEqual([first, first, ascii]);
});

test('an account that someone holds is left for the next time, and its owner gets in meanwhile', async () => {
  const userId = await giveEarlier(unicode);
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from users where id = $1 for update', [userId]);
    await spell();
    expect([await find(unicode), await readKey(userId)]).toEqual([userId, unicode]);
  } finally {
    holder.release(true);
  }
});
