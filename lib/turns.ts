import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { believedAheadMs } from '@/lib/stored-moment';

/** Whoever has a turn and is not heard of for this long may lose it to the next who asks. */
const turnSeconds = 60;

/** What keeps and ends one turn: the exact moment until which it is held. */
export type Turn = { key: string; until: string };

/**
 * Takes the only turn of its name, over all processes, by the database's clock. Null: someone has it. It is kept by
 * `keepTurn` at least once a minute, and ended by `endTurn`; the turn of a process that died ends by itself. One that
 * was taken by a clock far ahead has ended. `whose` is kept in the table as it is: an id, nothing personal.
 */
export async function takeTurn(db: Db, name: string, whose: string): Promise<Turn | null> {
  const key = `turn:${name}:${whose}`;
  const { rows } = await db.execute<{ until: string }>(sql`
    insert into rate_limits (key, empty_at) values (${key}, ${nextEnd})
    on conflict (key) do update set empty_at = excluded.empty_at
      where rate_limits.empty_at <= clock_timestamp() or rate_limits.empty_at > ${nextEnd} + make_interval(secs => ${believedAheadMs / 1000})
    returning empty_at::text as until`);
  return rows[0] ? { key, until: rows[0].until } : null;
}

/** Holds a turn for another minute, also one that was not kept in time, if nobody took it meanwhile; null: someone did. */
export async function keepTurn(db: Db, { key, until }: Turn): Promise<Turn | null> {
  const { rows } = await db.execute<{ until: string }>(sql`
    insert into rate_limits (key, empty_at) values (${key}, ${nextEnd})
    on conflict (key) do update set empty_at = excluded.empty_at where rate_limits.empty_at = ${until}::timestamptz
    returning empty_at::text as until`);
  return rows[0] ? { key, until: rows[0].until } : null;
}

/** Ends a turn, if it is still held. */
export async function endTurn(db: Db, { key, until }: Turn): Promise<void> {
  await db.execute(sql`delete from rate_limits where key = ${key} and empty_at = ${until}::timestamptz`);
}

const nextEnd = sql`clock_timestamp() + make_interval(secs => ${turnSeconds})`;
