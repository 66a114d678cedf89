import { and, eq, gte, sql } from 'drizzle-orm';
import { secondFactorFailures, secondFactorTries } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { openLog } from '@/lib/log';
import { isFirstThisHour } from '@/lib/once-a-day';
import { believedAheadMs, lastsStill } from '@/lib/stored-moment';

/** After so many wrong codes in a row codes pause … */
const triesBetweenPauses = 10;
/** … for so long the first time, twice as long each further time … */
const firstPauseSeconds = 15 * 60;
/** … and never longer than this. */
const longestPauseSeconds = 24 * 3600;
/** After so many in a row no code is heard until the count is taken back (NIST SP 800-63B-4 3.2.2). */
const mostInARow = 100;

/**
 * What a wrong code means for the next ones: how many are heard before a pause, or until when they pause; `shut`: until helped.
 */
export type TriesLeft = { triesLeft: number } | { pausedUntil: Date } | { shut: true };

export type TriesRefusal = { reason: 'paused'; retryAt: Date } | { reason: 'shut' };

/**
 * Counts one code of an account before it is looked at, over authenticator app, texts and recovery codes together, so that
 * parallel guesses cannot share a try. Asking for another code takes nothing back; a right one takes all back (`forgetTries`).
 * Passkeys are not counted: there is nothing to guess.
 */
export async function countTry(
  db: Db,
  userId: string,
  now: Date,
): Promise<{ ok: true; ifWrong: TriesLeft } | ({ ok: false } & TriesRefusal)> {
  const at = timestamp(now);
  const next = sql`tries.wrong_in_a_row + 1`;
  const pauseSeconds = sql`least(${longestPauseSeconds}::int, ${firstPauseSeconds}::int * power(2, least(20, (${next}) / ${triesBetweenPauses}::int - 1)))`;
  // What a clock that was ahead wrote pauses nobody for longer than any pause lasts.
  const isPaused = sql`coalesce(tries.paused_until > ${at}
    and tries.paused_until <= ${at} + make_interval(secs => ${longestPauseSeconds + believedAheadMs / 1000}::int), false)`;
  const { rows } = await db.execute<{ wrong: number; paused_ms: number | null }>(sql`
    insert into second_factor_tries as tries (user_id, wrong_in_a_row) values (${userId}, 1)
    on conflict (user_id) do update set
      wrong_in_a_row = ${next},
      paused_until = case when (${next}) % ${triesBetweenPauses}::int = 0 then ${at} + make_interval(secs => ${pauseSeconds}) end
    where not ${isPaused} and tries.wrong_in_a_row < ${mostInARow}
    returning wrong_in_a_row as wrong, (extract(epoch from paused_until) * 1000)::float8 as paused_ms`);
  const counted = rows[0];
  if (counted === undefined) return refuse(db, userId, now);
  if (counted.wrong >= mostInARow) return { ok: true, ifWrong: { shut: true } };
  if (counted.paused_ms !== null) return { ok: true, ifWrong: { pausedUntil: new Date(counted.paused_ms) } };
  return { ok: true, ifWrong: { triesLeft: triesBetweenPauses - (counted.wrong % triesBetweenPauses) } };
}

/** Whether codes of an account are heard at the moment; nothing is counted. */
export async function readTries(db: Db, userId: string, now: Date): Promise<TriesRefusal | null> {
  const [row] = await db.select().from(secondFactorTries).where(eq(secondFactorTries.userId, userId));
  if (row === undefined) return null;
  if (row.wrongInARow >= mostInARow) return { reason: 'shut' };
  const { pausedUntil } = row;
  return pausedUntil !== null && lastsStill(pausedUntil, longestPauseSeconds * 1000, now)
    ? { reason: 'paused', retryAt: pausedUntil }
    : null;
}

async function refuse(db: Db, userId: string, now: Date): Promise<{ ok: false } & TriesRefusal> {
  // Taken back meanwhile: the person may simply try again.
  const refusal = await readTries(db, userId, now);
  return { ok: false, ...(refusal ?? { reason: 'paused', retryAt: now }) };
}

/** Takes all wrong codes of an account back: one was right, or someone who may has helped. */
export async function forgetTries(tx: Db | Tx, userId: string): Promise<void> {
  await tx.delete(secondFactorTries).where(eq(secondFactorTries.userId, userId));
}

/**
 * Opens an account to codes again that was shut to them: its owner has shown that they read its mail. What only pauses goes on
 * pausing, so that whoever reads that mail, too, guesses no faster.
 */
export async function reopenShut(tx: Tx, userId: string): Promise<void> {
  const isShut = gte(secondFactorTries.wrongInARow, mostInARow);
  await tx.delete(secondFactorTries).where(and(eq(secondFactorTries.userId, userId), isShut));
}

/** So few wrong codes in an hour are no news, whatever the weeks before were like. */
const quietHour = 50;
const weeksOfMemory = 4;

/**
 * Counts one wrong code among those of everyone, and raises an alert, once an hour, when there are more than three times as
 * many as in the worst hour of the last four weeks, and more than fifty. It stops nobody.
 */
export async function noteWrongCode(db: Db, now: Date): Promise<void> {
  const { rows } = await db.execute<{ wrong: number; hour: string }>(sql`
    insert into second_factor_failures as failures (hour, wrong) values (date_trunc('hour', ${timestamp(now)}), 1)
    on conflict (hour) do update set wrong = failures.wrong + 1
    returning wrong, hour::text as hour`);
  const { wrong, hour } = rows[0]!;
  if (wrong <= quietHour) return;
  const earlier = await db.execute<{ most: number }>(sql`
    select coalesce(max(wrong), 0)::int as most from second_factor_failures where hour < ${hour}::timestamptz`);
  const usual = earlier.rows[0]!.most;
  if (wrong <= 3 * usual || !(await isFirstThisHour(db, 'second_factor_guessing', now))) return;
  openLog().error('sign_in_alert', {
    alert: 'second_factor_guessing',
    wrongThisHour: wrong,
    worstHourBefore: usual,
  });
}

/** Forgets hours of more than four weeks ago, `limit` at most. Out: how many. */
export async function pruneFailures(db: Db, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - weeksOfMemory * 7 * 24 * 3600 * 1000);
  const old = db
    .select({ hour: secondFactorFailures.hour })
    .from(secondFactorFailures)
    .where(sql`${secondFactorFailures.hour} < ${timestamp(before)}`)
    .limit(limit);
  const { rowCount } = await db
    .delete(secondFactorFailures)
    .where(sql`${secondFactorFailures.hour} in (${old})`);
  return rowCount ?? 0;
}
