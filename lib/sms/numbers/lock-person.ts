import { sql } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { lockNumbers, type NumberRow } from './number';

/**
 * Locks the rows of all numbers at which something of a person's can come to an end, and those of `more`; then, by `lock`, the
 * person's own rows. For whoever is about to change a person's number, or to withdraw their texts at every number they have.
 *
 * Which numbers these are is known for certain only once the person is locked, and numbers are locked before people (see
 * docs/architecture.md). So they are read, locked, and read again under the person's lock; where the person has got another
 * one meanwhile, all is let go of and done again. Out: what `lock` answered, and the numbers as they are under the locks.
 */
export async function lockPerson<Locked>(
  tx: Tx,
  userId: string,
  more: readonly (string | null)[],
  lock: () => Promise<Locked>,
): Promise<{ locked: Locked; numbers: Map<string, NumberRow> }> {
  return lockPeople(tx, [userId], more, lock);
}

/** The same for whoever does it to several people at once, whom `lock` locks all. */
export async function lockPeople<Locked>(
  tx: Tx,
  userIds: readonly string[],
  more: readonly (string | null)[],
  lock: () => Promise<Locked>,
): Promise<{ locked: Locked; numbers: Map<string, NumberRow> }> {
  const findNumbers = async () =>
    (await Promise.all(userIds.map((userId) => findNumbersOf(tx, userId)))).flat();
  for (;;) {
    await tx.execute(sql`savepoint before_numbers`);
    const numbers = await lockNumbers(tx, [...more, ...(await findNumbers())]);
    const locked = await lock();
    const isComplete = (await findNumbers()).every((phone) => numbers.has(phone));
    if (!isComplete) await tx.execute(sql`rollback to savepoint before_numbers`);
    await tx.execute(sql`release savepoint before_numbers`);
    if (isComplete) return { locked, numbers };
  }
}

/** The number of the account, those proven, the one being proven, and those that a counted text waits for. */
async function findNumbersOf(tx: Tx, userId: string): Promise<string[]> {
  const { rows } = await tx.execute<{ phone: string }>(sql`
    select phone from users where id = ${userId} and phone is not null
    union select number from phone_numbers where holder_user_id = ${userId}
    union (select phone from sms_verifications where user_id = ${userId} order by created_at desc limit 1)
    union select phone from sms_messages
      where user_id = ${userId} and status in ('queued', 'sending') and counted_at is not null`);
  return rows.map((row) => row.phone);
}
