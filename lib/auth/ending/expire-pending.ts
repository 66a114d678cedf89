import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { isAbandoned, findAbandonedUsers } from '@/lib/accounts/pending';
import { lockUser } from '@/lib/accounts/lock-users';
import { findConsentedPhones } from '@/lib/consent/ledger';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { eraseAccount } from './erase-account';

/** Someone who holds one of the numbers is waited for no longer than this; the account's turn comes again. */
const longestWaitMs = 500;

/** So often others are looked for in one batch, in the place of accounts that cannot be ended just now. */
const mostLooks = 10;

/**
 * Ends accounts that nobody finished registering within RETENTION_PENDING_DAYS, `limit` at most, the oldest first, each in
 * a transaction of its own: as if they had been deleted. One that a browser may still finish, or whose code can still be
 * entered, is left alone. Out: how many there are less now, whichever process ended them.
 */
export async function expirePending(db: Db, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - env().retention.pendingDays * 24 * 3600 * 1000);
  let ended = 0;
  // Those that could not be ended keep nobody behind them: others take their places.
  const leftAlone: string[] = [];
  for (let looks = 0; looks < mostLooks && ended < limit; looks += 1) {
    const found = await findAbandonedUsers(db, { before, now, limit: limit - ended, except: leftAlone });
    if (found.length === 0) break;
    for (const userId of found) {
      if (await tryToExpire(db, userId, { before, now })) ended += 1;
      else leftAlone.push(userId);
    }
  }
  return ended;
}

async function tryToExpire(db: Db, userId: string, moments: { before: Date; now: Date }): Promise<boolean> {
  try {
    return await expireOne(db, userId, moments);
  } catch (error) {
    openLog().warn('pending_account_not_expired', { error });
    return false;
  }
}

/** Out: whether the account is gone, ended here or by someone else meanwhile. */
async function expireOne(
  db: Db,
  userId: string,
  { before, now }: { before: Date; now: Date },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select set_config('lock_timeout', ${`${longestWaitMs}ms`}, true)`);
    const phones = await findConsentedPhones(tx, userId);
    const { locked } = await lockPerson(tx, userId, phones, () => lockUser(tx, userId));
    if (locked === null) return true;
    if (!(await isAbandoned(tx, userId, { before, now }))) return false;
    const context = { now, address: 'unknown', userAgent: null };
    await eraseAccount(tx, { userId, actorId: null, why: 'account_expired' }, context);
    return true;
  });
}
