import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { emailLinks, mails } from '@/db/schema/mail';
import { env } from '@/lib/env';
import { newLink, endLinks, linkUrl, readLink, spendLink } from '@/lib/mail/links';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { useDatabase } from '@/tests/support/database';
import { readToken } from '@/tests/support/mails';
import { after, givePerson, newEmail, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';

const database = useDatabase();

const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const nextSign = (sign: string) => signs[signs.indexOf(sign) + 1]!;

async function giveLink(purpose: 'confirm' | 'reset' = 'confirm') {
  const { userId, email } = await givePerson(database.db, { active: true });
  const link = newLink({ purpose, userId, email, now: noon });
  await database.db.insert(emailLinks).values(link);
  const { id } = link;
  const url = new URL(linkUrl(link));
  return { id, userId, email, url, token: url.searchParams.get('link')! };
}

test('a link leads to the page of its purpose at APP_URL and is read back from its token', async () => {
  const { url, token, id, userId } = await giveLink();
  expect(url.origin + url.pathname).toBe('http://localhost:3000/users/confirm-email');
  const read = await readLink(database.db, token, ['confirm'], after(noon, 60));
  expect(read).toMatchObject({ ok: true, link: { id, userId } });
});

test('no row and no mail holds the token, and the same mail sent twice carries the same one', async () => {
  const email = newEmail();
  const link = { purpose: 'claim', template: 'claimEmail', userId: null, email, now: noon } as const;
  await enqueueLinkMail(database.db, link);
  const token = await readToken(database.db, email);
  expect(await readToken(database.db, email)).toBe(token);
  const mac = token.split('.')[1]!;
  const stored = JSON.stringify([
    await database.db.select().from(emailLinks).where(eq(emailLinks.email, email)),
    await database.db.select().from(mails).where(eq(mails.to, email)),
  ]);
  expect(stored).not.toContain(mac);
  expect(stored).not.toContain(Buffer.from(mac, 'base64url').toString('hex'));
});

test('whatever is not a token of ours, or is one of another purpose, is unknown', async () => {
  const { token } = await giveLink();
  const [id, mac] = token.split('.') as [string, string];
  const flipped = Buffer.from(mac, 'base64url');
  flipped[0]! ^= 1;
  const others = [
    '',
    'x',
    id,
    `${id}.`,
    `${id}.${flipped.toString('base64url')}`,
    `${'A'.repeat(22)}.${mac}`,
    `${token}x`,
    // The same bytes, spelled otherwise.
    `${token.slice(0, -1)}${nextSign(token.at(-1)!)}`,
    `${id.slice(0, -1)}${nextSign(id.at(-1)!)}.${mac}`,
    `${token}\0`,
    `${id}.${'é'.repeat(43)}`,
  ];
  for (const other of others) {
    expect(await readLink(database.db, other, ['confirm'], noon), other).toEqual({
      ok: false,
      reason: 'unknown',
    });
  }
  expect(await readLink(database.db, token, ['reset', 'claim'], noon)).toEqual({
    ok: false,
    reason: 'unknown',
  });
});

test('a link is over at its expiry to the second, once used, and once ended', async () => {
  const day = 24 * 3600;
  const first = await giveLink();
  expect(await readLink(database.db, first.token, ['confirm'], after(noon, day - 1))).toMatchObject({
    ok: true,
  });
  expect(await readLink(database.db, first.token, ['confirm'], after(noon, day))).toEqual({
    ok: false,
    reason: 'expired',
  });
  const late = await database.db.transaction((tx) => spendLink(tx, first.id, after(noon, day)));
  expect(late).toBe(false);

  const used = await giveLink();
  expect(await database.db.transaction((tx) => spendLink(tx, used.id, noon))).toBe(true);
  expect(await readLink(database.db, used.token, ['confirm'], noon)).toEqual({ ok: false, reason: 'used' });

  const ended = await giveLink();
  await endLinks(database.db, ended.userId, { purposes: ['reset'], now: noon });
  expect(await readLink(database.db, ended.token, ['confirm'], noon)).toMatchObject({ ok: true });
  await endLinks(database.db, ended.userId, { notMe: 'end', now: noon });
  expect(await readLink(database.db, ended.token, ['confirm'], noon)).toEqual({ ok: false, reason: 'ended' });
});

test('of twenty who use one link at the same instant exactly one does', async () => {
  const { id } = await giveLink();
  const spent = await Promise.all(
    Array.from({ length: 20 }, () => database.db.transaction((tx) => spendLink(tx, id, noon))),
  );
  expect(spent.filter(Boolean)).toHaveLength(1);
});

test('a link outlives a change of AUTH_SECRET as long as the old one is listed', async () => {
  const { token } = await giveLink();
  const [old] = env().authSecrets;
  const read = () => readLink(database.db, token, ['confirm'], noon);
  expect(await withSettings({ authSecrets: ['a-new-secret-of-tests', old] }, read)).toMatchObject({
    ok: true,
  });
  expect(await withSettings({ authSecrets: ['a-new-secret-of-tests'] }, read)).toEqual({
    ok: false,
    reason: 'unknown',
  });
});
