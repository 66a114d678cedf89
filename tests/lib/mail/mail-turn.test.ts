import { sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { mails } from '@/db/schema/mail';
import { requestReset } from '@/lib/auth/recovery/reset-password';
import { findUser } from '@/lib/accounts/users';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog } from '@/lib/log';
import { sendDueMails } from '@/lib/mail/deliver';
import { enqueueLinkMail, enqueueNewsMail } from '@/lib/mail/outbox';
import { tellOwner } from '@/lib/mail/tell-owner';
import type { MailTransport } from '@/lib/mail/transport';
import { useDatabase } from '@/tests/support/database';
import { readMailsTo } from '@/tests/support/mails';
import { contextAt, givePerson, newEmail } from '@/tests/support/people';
import { proveEmailOf } from '@/tests/support/settled-person';

const database = useDatabase();
const log = openLog({ level: 'error', write: () => undefined });
const aMinuteAgo = () => new Date(Date.now() - 60_000);

beforeEach(async () => {
  await database.db.delete(mails);
});

/** Someone whose email is proven. */
async function giveOwner() {
  const { userId, email } = await givePerson(database.db, { active: true });
  await proveEmailOf(database.db, { userId });
  return { userId, email };
}

/** Mails that networks ask for, each as many, to strangers. */
async function fillLine({ networks, each }: { networks: number; each: number }): Promise<void> {
  const few = fewAtOnce(8);
  const ask = async (network: number) => {
    for (let count = 0; count < each; count += 1) {
      const link = { purpose: 'claim', template: 'claimEmail', userId: null, email: newEmail() } as const;
      const askedFrom = `203.0.113.${network}`;
      await enqueueLinkMail(database.db, { ...link, askedFrom, now: aMinuteAgo() });
    }
  };
  await Promise.all(Array.from({ length: networks }, (_, network) => few(() => ask(network))));
}

/** Out: whom the mails went to, in order. */
async function sendSome(rounds = 1): Promise<string[]> {
  const sent: string[] = [];
  const transport: MailTransport = {
    send: async ({ to }) => {
      sent.push(to);
      return { ok: true };
    },
    close: () => undefined,
  };
  for (let round = 0; round < rounds; round += 1) await sendDueMails(database.db, transport, log);
  return sent;
}

const failing: MailTransport = {
  send: async () => ({ ok: false, reason: 'failed', cause: 'ECONNECTION' }),
  close: () => undefined,
};

const ask = (email: string, address: string, now = new Date()) =>
  requestReset(database.db, email, contextAt(now, address));

const tell = async (userId: string, address?: string) => {
  const before = (await findUser(database.db, userId))!;
  await database.db.transaction((tx) =>
    tellOwner(tx, { template: 'passwordChanged', before }, contextAt(new Date(), address)),
  );
};

test('networks that ask for many wait behind one that asks for one, whoever came first', async () => {
  await fillLine({ networks: 6, each: 20 });
  const { email } = await givePerson(database.db, { active: true });
  expect(await ask(email, '198.51.100.7')).toEqual({ ok: true });
  // The first of each network, then that of who came last.
  expect((await sendSome()).indexOf(email)).toBe(6);
});

test('what goes to a proven email is in front of what strangers ask for', async () => {
  await fillLine({ networks: 30, each: 1 });
  const { email } = await giveOwner();
  await ask(email, '198.51.100.7');
  expect((await sendSome())[0]).toBe(email);
});

test('nothing that strangers ask for puts off the notices of an account', async () => {
  const [victim, ...others] = await Promise.all(Array.from({ length: 20 }, giveOwner));
  for (let count = 1; count <= 3; count += 1) await ask(victim!.email, `203.0.113.${count}`, aMinuteAgo());
  for (const { email } of others) await ask(email, '198.51.100.7', aMinuteAgo());
  await tell(victim!.userId);
  await sendDueMails(database.db, failing, log);
  const { rows } = await database.db.execute<{ attempts: number }>(
    sql`select attempts from mails where template = 'passwordChanged'`,
  );
  expect(rows).toEqual([{ attempts: 1 }]);
});

test('who has many notices is behind the first of everyone else', async () => {
  const [many, one] = [await giveOwner(), await giveOwner()];
  for (let count = 0; count < 12; count += 1) await tell(many.userId);
  await tell(one.userId);
  expect((await sendSome()).indexOf(one.email)).toBe(1);
});

test('whoever has many accounts puts off nobody by what they change in them', async () => {
  const crowd = await Promise.all(Array.from({ length: 12 }, giveOwner));
  for (let network = 1; network <= 2; network += 1)
    for (const { userId } of crowd) await tell(userId, `2001:db8:${network}:${crowd.length}::1`);
  const victim = await giveOwner();
  await ask(victim.email, '198.51.100.7');
  // The first three of each network.
  expect((await sendSome()).indexOf(victim.email)).toBe(6);
  await sendSome(10);
  // Still in front of what strangers ask for, also by the same network.
  for (let count = 0; count < 8; count += 1) await ask(newEmail(), '198.51.100.8', aMinuteAgo());
  const neighbor = await giveOwner();
  await tell(neighbor.userId, '2001:db8:1::1');
  expect((await sendSome()).indexOf(neighbor.email)).toBe(0);
});

test('news, however much, is behind what someone asked for', async () => {
  for (let count = 0; count < 20; count += 1) {
    const { userId, email } = await giveOwner();
    const news = { template: 'applicationNews', params: { url: 'http://localhost/' } } as const;
    await database.db.transaction((tx) => enqueueNewsMail(tx, { ...news, userId, email, now: aMinuteAgo() }));
  }
  const { email } = await givePerson(database.db, { active: true });
  await ask(email, '198.51.100.7');
  expect((await sendSome())[0]).toBe(email);
});

test('what failed before is behind all that is new', async () => {
  const { email } = await giveOwner();
  await ask(email, '198.51.100.7');
  await sendDueMails(database.db, failing, log);
  await database.db.execute(sql`update mails set send_after = now() - interval '1 hour'`);
  await fillLine({ networks: 1, each: 10 });
  const sent = await sendSome(2);
  expect(sent).toHaveLength(11);
  expect(sent.at(-1)).toBe(email);
});

test('a row holds a mark of the network that asked, the same for all of it, and none where nobody asked', async () => {
  const [first, second, other] = [await giveOwner(), await giveOwner(), await giveOwner()];
  await ask(first.email, '2001:db8:1:2::3');
  await ask(second.email, '2001:db8:1:ffff::4');
  await ask(other.email, '203.0.113.9');
  const news = { template: 'applicationNews', params: { url: 'http://localhost/' } } as const;
  await database.db.transaction((tx) => enqueueNewsMail(tx, { ...news, ...other, now: new Date() }));
  const marksOf = async (email: string) =>
    (await readMailsTo(database.db, email)).map((mail) => mail.network);
  const [mark] = await marksOf(first.email);
  expect(mark).toMatch(/^[\w-]{43}$/);
  expect(await marksOf(second.email)).toEqual([mark]);
  const [ofNews, ofOther] = await marksOf(other.email);
  expect(ofNews).toBeNull();
  expect(ofOther).toMatch(/^[\w-]{43}$/);
  expect(ofOther).not.toBe(mark);
});

test('whether an email has an account changes nothing in what a request reads', async () => {
  const { email } = await givePerson(database.db, { active: true });
  await ask(email, '203.0.113.9');
  const nobody = newEmail();
  await ask(nobody, '203.0.113.9');
  const turns = [];
  for (const to of [email, nobody]) turns.push((await readMailsTo(database.db, to))[0]!.turn);
  expect(turns).toEqual([201, 202]);
});
