import type { Db, Tx } from '@/db/client';
import { smsMessages } from '@/db/schema/sms';
import { markNumber } from '@/lib/phone/mark';
import { at, lockInOrder } from './text-outbox';
import { eq, inArray, sql, type SQL } from 'drizzle-orm';

/**
 * Takes from the texts of an account that ends what could tell who it was: number, the words a template was filled in with,
 * what the person wrote. How many texts there were, what became of them and what they cost stays, and a keyed mark in the
 * place of the number.
 *
 * A text on its way keeps its number until it is known what became of it: the call to the provider needs it, and so does the
 * opt-out that a carrier may report. One that is being sent keeps its words, too, by which it is found at the provider if the
 * call is not answered. `eraseNumbersOfSent` takes both then.
 */
export async function anonymizeTexts(tx: Tx, userId: string): Promise<void> {
  await eraseNumbers(tx, eq(smsMessages.userId, userId), isOnItsWay);
}

/** The texts of an account of which nothing more is to come, `limit` at most: their ids. */
export async function findEndedTexts(db: Db, userId: string, limit: number): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id from sms_messages
    where user_id = ${userId} and status not in ('queued', 'sending') and not ${isOnItsWay} limit ${limit}`);
  return rows.map((row) => row.id);
}

/** Does with these texts what `anonymizeTexts` does, in a transaction of its own. */
export async function anonymizeEndedTexts(db: Db, ids: readonly string[]): Promise<void> {
  await db.transaction((tx) => eraseNumbers(tx, inArray(smsMessages.id, [...ids]), isOnItsWay));
}

/**
 * Takes the numbers and words that `anonymizeTexts` had to leave, `limit` at most, from texts whose outcome is known by now or
 * was not reported within three days. Out: from how many.
 */
export async function eraseNumbersOfSent(db: Db, now: Date, limit: number): Promise<number> {
  const longAgo = sql`${at(now)} - interval '3 days'`;
  return db.transaction(async (tx) => {
    const left = sql`user_id is null and direction = 'out' and purpose <> 'reply' and phone <> ''
      and status not in ('queued', 'sending') and (not ${isOnItsWay} or created_at < ${longAgo})`;
    const { rows } = await tx.execute<{ id: string }>(sql`
      select id from sms_messages where ${left} order by created_at limit ${limit} for update skip locked`);
    if (rows.length === 0) return 0;
    const ids = rows.map((row) => row.id);
    await eraseNumbers(tx, inArray(smsMessages.id, ids), sql`false`);
    return rows.length;
  });
}

/** The provider may still have to be called about it, or to say what became of it. */
const isOnItsWay = sql`(status = 'sending' or (status = 'sent' and check_at is not null))`;

/** Erases whatever is about someone, but for the numbers (and, of what is being sent, the words) of those that `keeping` fits. */
async function eraseNumbers(tx: Tx, which: SQL | undefined, keeping: SQL): Promise<void> {
  const ids = lockInOrder(tx, which);
  const { rows } = await tx.execute<{ phone: string }>(
    sql`select distinct phone from sms_messages where ${ids} and phone <> ''`,
  );
  const phones = rows.map((row) => row.phone);
  await tx.execute(sql`
    update sms_messages set
      phone = case when ${keeping} then phone else '' end,
      phone_mark = coalesce((
        select mark from unnest(${sql.param(phones)}::text[], ${sql.param(phones.map((phone) => markNumber(phone)))}::text[])
          as marks (number, mark) where number = phone), phone_mark),
      params = case when ${keeping} and status = 'sending' then params
        else (select coalesce(jsonb_object_agg(key, ''), '{}') from jsonb_object_keys(params) key) end,
      body = null, user_id = null
    where ${which}`);
}

/**
 * Takes out of texts that were written before `before` whatever is about someone, `limit` at most, the oldest first. State,
 * segments and price stay, so that no sum changes. Texts of people that say STOP stay as they are. Out: from how many.
 */
export async function eraseOldTexts(
  db: Db,
  { before, now }: { before: Date; now: Date },
  limit: number,
): Promise<number> {
  const { rowCount } = await db.execute(sql`
    update sms_messages set
      erased_at = ${at(now)}, phone = '', phone_mark = null, user_id = null, body = null, params = '{}', details = null,
      challenge_id = null, network = null, wide_network = null, dedupe_key = null, provider_sid = null, spend_scopes = null, check_at = null
    where id = any(array(
      select id from sms_messages
      where erased_at is null and params ->> 'meaning' is distinct from 'stop' and created_at < ${at(before)}
        and status not in ('queued', 'sending')
      order by created_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
