import { and, desc, eq, sql, type SQL } from 'drizzle-orm';
import { mails, type LinkPurpose } from '@/db/schema/mail';
import type { Db, Tx } from '@/db/client';
import { furthestPutOff } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import { asWrittenFirst, isKeyOf } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { newLink } from './links';
import { markAsking, newsStanding, standingOf, turnOf, turnOfNotice } from './mail-turn';
import type { MailTemplate } from './templates';

export type Mail = typeof mails.$inferSelect;

/** The PostgreSQL channel that wakes those who send mail. */
export const mailChannel = 'doorstep_mail';

/** Whether mail goes out at all; where it does not, nothing that needs it is offered. */
export function isMailOn(): boolean {
  return env().mail.via !== 'off';
}

/**
 * Writes a link and the mail that carries it, and wakes those who send mail, in one statement: all of it happens at the commit of
 * `tx`, or nothing. Nothing is sent here. In: `email`, one address as typed; `params`, which never hold a token; `askedFrom`, the
 * address of the request that asked for it, or did what a notice tells. Out: the link's id.
 */
export async function enqueueLinkMail(
  tx: Tx | Db,
  mail: {
    purpose: LinkPurpose;
    template: MailTemplate;
    userId: string | null;
    email: string;
    params?: Record<string, string>;
    details?: Record<string, string | null>;
    askedFrom?: string;
    now: Date;
  },
): Promise<string> {
  const { purpose, template, userId, email, params = {}, details, askedFrom, now } = mail;
  const link = newLink({ purpose, userId, email, details, now });
  const at = timestamp(now);
  const network = markAsking(askedFrom);
  const proven = sql`exists (select from users where id = ${userId} and email_key = ${link.emailKey} and email_proven_at is not null)`;
  const turn =
    purpose === 'not_me'
      ? turnOfNotice({ network, userId, now })
      : turnOf({ standing: standingOf(proven), network, userId, now });
  await tx.execute(sql`
    with link as (
      insert into email_links (id, purpose, user_id, email, email_key, nonce, created_at, expires_at, details)
      values (${link.id}, ${purpose}, ${userId}, ${email}, ${link.emailKey}, ${link.nonce}, ${at},
        ${timestamp(link.expiresAt)}, ${JSON.stringify(link.details)}::jsonb)
    ), mail as (
      insert into mails (id, user_id, to_address, template, params, link_id, network, turn, created_at, send_after, expires_at)
      values (${newId()}, ${userId}, ${email}, ${template}, ${JSON.stringify(params)}::jsonb, ${link.id}, ${network},
        ${turn}, ${at}, ${atOnce(now)}, ${timestamp(link.expiresAt)})
      returning 1
    ) ${wake}`);
  return link.id;
}

/**
 * Writes a link to a new password, and its mail, to whatever address is given: whether it has an account is found within the
 * statement, so that neither the answer nor the time tells. The mail of one that has none ends as `no_account`. `askedFrom`: the
 * address of the request.
 */
export async function enqueueResetMail(
  db: Db,
  { email, askedFrom, now }: { email: string; askedFrom: string; now: Date },
): Promise<void> {
  const link = newLink({ purpose: 'reset', userId: null, email, now });
  const network = markAsking(askedFrom);
  const standing = standingOf(sql`(select is_proven from owner)`);
  await db.execute(sql`
    with owner as (
      select id, email, email_proven_at is not null as is_proven from users where ${isKeyOf(email)} and deactivated_at is null
      order by ${asWrittenFirst(email)} limit 1 for key share
    ), link as (
      insert into email_links (id, purpose, user_id, email, email_key, nonce, created_at, expires_at)
      values (${link.id}, 'reset', (select id from owner), coalesce((select email from owner), ${email}),
        ${link.emailKey}, ${link.nonce}, ${timestamp(now)}, ${timestamp(link.expiresAt)})
      returning id, user_id, email
    ), mail as (
      insert into mails (id, user_id, to_address, template, params, link_id, network, turn, created_at, send_after, expires_at)
      select ${newId()}, user_id, email, 'resetPassword', '{}'::jsonb, id, ${network},
        ${turnOf({ standing, network, userId: null, now })}, ${timestamp(now)}, ${atOnce(now)}, ${timestamp(link.expiresAt)}
      from link
      returning 1
    ) ${wake}`);
}

/** A mail that carries no link of ours is worth something for so long. */
const newsLifeMs = 7 * 24 * 3600 * 1000;

/**
 * Writes a mail without a link that opens anything, and wakes those who send mail, in one statement. In: `email`, an address that
 * its owner has proven, since news goes to no other; `source`, what it is written for together with others, such as a bulk move. Out: the
 * mail's id.
 */
export async function enqueueNewsMail(
  tx: Tx,
  mail: {
    template: 'applicationNews' | 'documentsNeeded' | 'optOutRecorded';
    userId: string;
    email: string;
    params: Record<string, string>;
    source?: string | null;
    now: Date;
  },
): Promise<string> {
  const { template, userId, email, params, source = null, now } = mail;
  const id = newId();
  await tx.execute(sql`
    with mail as (
      insert into mails (id, user_id, to_address, template, params, source, turn, created_at, send_after, expires_at)
      values (${id}, ${userId}, ${email}, ${template}, ${JSON.stringify(params)}::jsonb, ${source}::uuid,
        ${turnOf({ standing: newsStanding, network: null, userId, now })}, ${timestamp(now)}, ${atOnce(now)},
        ${timestamp(new Date(now.getTime() + newsLifeMs))})
      returning 1
    ) ${wake}`);
  return id;
}

/** The source of a row `m` of the outbox, as long as it waits: what `mails_waiting_source_index` is made of. */
const waitingSource = sql`(case when m.sent_at is null and m.ended_at is null then m.source end)`;

/**
 * How many mails of a source are due and wait, as far as `most`: an expression. One that failed is due again after its pause.
 *
 * @param now an expression for the moment, by the database's clock
 */
export function countWaitingMailsOf(source: string, most: number, now: SQL): SQL {
  return sql`(select count(*)::int from (
    select from mails m where ${waitingSource} = ${source}::uuid and m.send_after <= ${now} limit ${most}) waiting)`;
}

/** What is to go at once goes by the database's clock, if that is behind. */
function atOnce(now: Date) {
  return sql`least(${timestamp(now)}, date_trunc('milliseconds', clock_timestamp()))`;
}

const wake = sql`select pg_notify(${mailChannel}, '') from mail`;

/**
 * Takes back those of these mails that nobody has sent, given up or in hand: newer news takes their place, or what they say is moot.
 * One whose lease is over may have gone out all the same, unrecorded, and is left alone (docs/decisions/0018). Out: their ids.
 */
export async function withdrawMails(tx: Tx, ids: readonly string[], now: Date): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await tx.execute<{ id: string }>(sql`
    update mails set ended_at = ${timestamp(now)}, reason = 'superseded'
    where id = any(array(
      select id from mails where id = any(${sql.param(ids)}::uuid[])
        and sent_at is null and ended_at is null and lease_id is null
      order by id for no key update skip locked))
    returning id`);
  return rows.map(({ id }) => id);
}

/** The mails that an account was sent, or is to be sent, newest first, at most `limit`, and only those after `before`. */
export async function listMails(
  db: Db,
  userId: string,
  { limit, before }: { limit: number; before: Pick<Mail, 'id' | 'createdAt'> | null },
): Promise<Mail[]> {
  const older =
    before && sql`(${mails.createdAt}, ${mails.id}) < (${timestamp(before.createdAt)}, ${before.id})`;
  return db
    .select()
    .from(mails)
    .where(and(eq(mails.userId, userId), older ?? undefined))
    .orderBy(desc(mails.createdAt), desc(mails.id))
    .limit(limit);
}

/** Removes mails that were written before `before` and are sent or ended, `limit` at most. Out: how many. */
export async function pruneMails(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from mails where id = any(array(
      select id from mails where created_at < ${timestamp(before)} and (sent_at is not null or ended_at is not null)
      order by created_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

/**
 * Takes the mark of its network off mails that were written before `before`, when it is counted no more, `limit` at most. Out: how
 * many.
 */
export async function forgetNetworks(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    update mails set network = null where id = any(array(
      select id from mails where network is not null and created_at < ${timestamp(before)}
      order by created_at limit ${limit} for no key update skip locked))`);
  return rowCount ?? 0;
}

/** Has mails be due now which wait for longer than anything is ever put off, `limit` at most, as `hastenTexts` does. Out: how many. */
export async function hastenMails(db: Db, limit: number): Promise<number> {
  const { rows } = await db.execute(sql`
    with hastened as (
      update mails set send_after = clock_timestamp()
      where id = any(array(
        select id from mails
        where sent_at is null and ended_at is null and send_after > now() + ${furthestPutOff}
        order by turn, send_after limit ${limit} for no key update skip locked))
      returning id
    )
    select id, pg_notify(${mailChannel}, '') from hastened`);
  return rows.length;
}
