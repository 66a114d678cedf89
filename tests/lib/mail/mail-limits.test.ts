import { expect, test } from 'vitest';
import { takeMailHit } from '@/lib/mail/mail-limits';
import { useDatabase } from '@/tests/support/database';
import { after, newEmail, noon } from '@/tests/support/people';

const database = useDatabase();

async function countMails(
  email: string,
  tries: readonly { address: string; knownBrowser?: string }[],
): Promise<number> {
  let taken = 0;
  for (const [index, hit] of tries.entries()) {
    if ((await takeMailHit(database.db, { email, ...hit, now: after(noon, index) })).ok) taken += 1;
  }
  return taken;
}

/** An IPv4 network of its own for each. */
const addressOf = (index: number) => `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`;

test('strangers from anywhere have three mails an hour to one address between them, and a known browser its own', async () => {
  const email = newEmail();
  expect(
    await countMails(
      email,
      Array.from({ length: 20 }, (_, index) => ({ address: addressOf(index) })),
    ),
  ).toBe(3);
  const known = { address: addressOf(30), knownBrowser: 'one' };
  expect(
    await countMails(
      email,
      Array.from({ length: 6 }, () => known),
    ),
  ).toBe(3);
});

test('a browser that is made known again and again, by signing in, has no more than twice as many', async () => {
  const tries = Array.from({ length: 40 }, (_, index) => ({
    address: addressOf(index),
    knownBrowser: `sign-in ${index}`,
  }));
  // Six as known browsers, and then the three that strangers may have.
  expect(await countMails(newEmail(), tries)).toBe(9);
});

test('strangers behind the same address spend nothing of what a known browser has', async () => {
  const address = addressOf(60);
  for (let count = 0; count < 40; count += 1) await countMails(newEmail(), [{ address }]);
  expect(await countMails(newEmail(), [{ address }])).toBe(0);
  expect(await countMails(newEmail(), [{ address, knownBrowser: 'one' }])).toBe(1);
});
