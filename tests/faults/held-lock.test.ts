import { drizzle } from 'drizzle-orm/node-postgres';
import { expect, test } from 'vitest';
import { openPool } from '@/db/client';
import { findUser } from '@/lib/accounts/users';
import { lockNumber } from '@/lib/sms/numbers/number';
import { useDatabase } from '../support/database';
import { givePerson, newPhone } from '../support/people';

const database = useDatabase();

test('a pool full of requests that wait for one number lets everyone else through before they give up', async () => {
  const phone = newPhone();
  const { userId } = await givePerson(database.db, { active: true });
  await database.db.transaction((tx) => lockNumber(tx, phone));
  const pool = openPool(database.url);
  const app = drizzle(pool);
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from phone_numbers where number = $1 for update', [phone]);
    const waiting = Array.from({ length: 10 }, () => app.transaction((tx) => lockNumber(tx, phone)));
    const settled = Promise.allSettled(waiting);
    expect(await findUser(app, userId)).toMatchObject({ id: userId });
    const outcomes = await settled;
    expect(outcomes.map(({ status }) => status)).toEqual(Array<string>(10).fill('rejected'));
    for (const outcome of outcomes) {
      // 55P03: lock_not_available.
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ cause: { code: '55P03' } });
    }
  } finally {
    await holder.query('rollback');
    holder.release();
    await pool.end();
  }
});
