import { createHmac, timingSafeEqual } from 'node:crypto';
import { and, eq, gte, isNull, not, sql } from 'drizzle-orm';
import { emailLinks, type LinkPurpose } from '@/db/schema/mail';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { emailKey } from '@/lib/accounts/email';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { newId, newNonce } from '@/lib/random';
import { isFarAhead } from '@/lib/stored-moment';

export type EmailLink = typeof emailLinks.$inferSelect;

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** Where a link leads, and how long it lasts. */
const kinds: Record<LinkPurpose, { path: string; seconds: number }> = {
  confirm: { path: '/users/confirm-email', seconds: day },
  claim: { path: '/users/register/applicant', seconds: day },
  reset: { path: '/users/reset-password', seconds: 30 * minute },
  change_email: { path: '/users/profile/new-email', seconds: day },
  invite: { path: '/users/invite', seconds: 2 * day },
  not_me: { path: '/users/not-me', seconds: 7 * day },
  enroll: { path: '/users/enroll', seconds: day },
};

/** For how long a link of a purpose works, in words: `30 minutes`, `24 hours`, `7 days`. */
export function sayLinkLife(purpose: LinkPurpose): string {
  const { seconds } = kinds[purpose];
  if (seconds < 2 * hour) return `${seconds / minute} minutes`;
  return seconds <= 2 * day ? `${seconds / hour} hours` : `${seconds / day} days`;
}

/** The name of the query parameter that holds a link's token. */
const tokenParam = 'link';

/** A new link, to be written in the transaction of the mail that carries it. Its token exists only once that goes out. */
export function newLink(link: {
  purpose: LinkPurpose;
  userId: string | null;
  email: string;
  details?: Record<string, string | null>;
  now: Date;
}): typeof emailLinks.$inferInsert {
  const { purpose, userId, email, details = {}, now } = link;
  return {
    id: newId(),
    purpose,
    userId,
    email,
    emailKey: emailKey(email),
    nonce: newNonce(),
    details,
    createdAt: now,
    expiresAt: new Date(now.getTime() + kinds[purpose].seconds * 1000),
  };
}

/** Writes a link that goes by no mail. Out: what its address is derived from (`linkUrl`). */
export async function makeLink(
  tx: Tx,
  link: Parameters<typeof newLink>[0],
): Promise<Pick<EmailLink, 'id' | 'purpose' | 'nonce' | 'expiresAt'>> {
  const made = newLink(link);
  await tx.insert(emailLinks).values(made);
  return made;
}

/** Where a link of a purpose leads, without a token: what a record may show. */
export function linkPage(purpose: LinkPurpose): string {
  return new URL(kinds[purpose].path, env().appUrl).href;
}

/** The address that a mail or a text carries for its link: the token is derived under the newest secret (docs/decisions/0002). */
export function linkUrl(link: Pick<EmailLink, 'id' | 'purpose' | 'nonce'>): string {
  const { appUrl, authSecrets } = env();
  const url = new URL(kinds[link.purpose].path, appUrl);
  const id = Buffer.from(link.id.replaceAll('-', ''), 'hex').toString('base64url');
  url.searchParams.set(tokenParam, `${id}.${sign(link, authSecrets[0]).toString('base64url')}`);
  return url.href;
}

export type LinkRefusal = 'unknown' | 'used' | 'ended' | 'expired';

/**
 * The open link that a mail's token names. In: the token as it came, whatever it is, and the purposes that are
 * welcome. Refuses `unknown` for anything that we did not write; the others are told apart so that people know what to do.
 */
export async function readLink(
  db: Db | Tx,
  token: string,
  purposes: readonly LinkPurpose[],
  now: Date,
): Promise<{ ok: true; link: EmailLink } | { ok: false; reason: LinkRefusal }> {
  const parts = /^([\w-]{22})\.([\w-]{43})$/.exec(token);
  if (parts === null || !parts.slice(1).every(isCanonical)) return { ok: false, reason: 'unknown' };
  const [link] = await db
    .select()
    .from(emailLinks)
    .where(eq(emailLinks.id, readId(parts[1]!)));
  if (link === undefined || !purposes.includes(link.purpose) || !isSigned(link, parts[2]!)) {
    return { ok: false, reason: 'unknown' };
  }
  if (link.usedAt !== null) return { ok: false, reason: 'used' };
  if (link.endedAt !== null) return { ok: false, reason: 'ended' };
  if (link.expiresAt <= now || isFarAhead(link.createdAt, now)) return { ok: false, reason: 'expired' };
  return { ok: true, link };
}

/** Uses a link up. False: it is over, also by someone else at this very moment. */
export async function spendLink(tx: Tx, linkId: string, now: Date): Promise<boolean> {
  const spent = await tx
    .update(emailLinks)
    .set({ usedAt: now })
    .where(and(eq(emailLinks.id, linkId), isOpen(), sql`${emailLinks.expiresAt} > ${timestamp(now)}`))
    .returning({ id: emailLinks.id });
  return spent.length > 0;
}

/**
 * Ends the open links of an account, of all purposes or of some: what they would have done is done, or must not happen. In:
 * `notMe`, whether "This was not me" ends with all the rest; with `olderThan`, those of older mails to other addresses do not: who
 * had the account before whoever follows this one is to have the last word.
 */
export async function endLinks(
  tx: Tx | Db,
  userId: string,
  {
    purposes,
    notMe,
    now,
  }: { now: Date } & (
    | { purposes: readonly LinkPurpose[]; notMe?: never }
    | { purposes?: never; notMe: 'end' | 'keep' | { olderThan: EmailLink } }
  ),
): Promise<void> {
  const ofPurpose =
    purposes === undefined
      ? endsNotMe(notMe)
      : sql`${emailLinks.purpose} = any(${sql.param([...purposes])}::text[])`;
  await tx
    .update(emailLinks)
    .set({ endedAt: now })
    .where(and(eq(emailLinks.userId, userId), isOpen(), ofPurpose));
}

/**
 * The first "This was not me" that is open at an address of an account: what happened since then may all be by the same stranger.
 * Null: none is.
 */
export async function findFirstNotMe(
  tx: Tx,
  { userId, email, now }: { userId: string; email: string; now: Date },
): Promise<EmailLink | null> {
  const [first] = await tx
    .select()
    .from(emailLinks)
    .where(
      and(
        eq(emailLinks.userId, userId),
        eq(emailLinks.purpose, 'not_me'),
        eq(emailLinks.emailKey, emailKey(email)),
        isOpen(),
        sql`${emailLinks.expiresAt} > ${timestamp(now)}`,
      ),
    )
    .orderBy(emailLinks.change, emailLinks.createdAt)
    .limit(1);
  return first ?? null;
}

/** Ends every "This was not me" of an account that went to another address than this one's, since it did. */
export async function endNotMeElsewhere(tx: Tx, first: EmailLink, now: Date): Promise<void> {
  await tx
    .update(emailLinks)
    .set({ endedAt: now })
    .where(
      and(
        eq(emailLinks.userId, first.userId!),
        eq(emailLinks.purpose, 'not_me'),
        not(eq(emailLinks.emailKey, first.emailKey)),
        gte(emailLinks.change, first.change),
        isOpen(),
      ),
    );
}

/** Ends the open links to an address that belong to no account yet. */
export async function endClaims(tx: Tx | Db, email: string, now: Date): Promise<void> {
  await tx
    .update(emailLinks)
    .set({ endedAt: now })
    .where(and(eq(emailLinks.emailKey, emailKey(email)), eq(emailLinks.purpose, 'claim'), isOpen()));
}

/** Ends the open invitations of an address: there is a newer one, or its account. The email is locked. */
export async function endInvitations(tx: Tx, email: string, now: Date): Promise<void> {
  await tx
    .update(emailLinks)
    .set({ endedAt: now })
    .where(and(eq(emailLinks.emailKey, emailKey(email)), eq(emailLinks.purpose, 'invite'), isOpen()));
}

/** Ends one open invitation, by its id. Out: what it held; null: it is over, or no invitation. */
export async function endInvitation(
  tx: Tx,
  linkId: string,
  now: Date,
): Promise<Pick<EmailLink, 'details'> | null> {
  const [ended] = await tx
    .update(emailLinks)
    .set({ endedAt: now })
    .where(and(eq(emailLinks.id, linkId), eq(emailLinks.purpose, 'invite'), isOpen()))
    .returning({ details: emailLinks.details });
  return ended ?? null;
}

/**
 * Removes the links to an address that belong to no account, and their mails; but an invitation that is open is the admin's
 * who sent it, and a claim its owner's, and nobody ends these by registering and leaving. The lock on the email keeps new ones
 * away.
 */
export async function eraseUnowned(tx: Tx, email: string): Promise<void> {
  const isKept = and(sql`${emailLinks.purpose} in ('invite', 'claim')`, isOpen())!;
  await tx
    .delete(emailLinks)
    .where(and(eq(emailLinks.emailKey, emailKey(email)), isNull(emailLinks.userId), not(isKept)));
}

/**
 * Removes links with the mails that carried them, `limit` of each kind at most: those of accounts that were made before
 * `before`, and those to addresses without an account, of which nothing is to be kept, before `unownedBefore`. Out: how many.
 */
export async function pruneLinks(
  db: Db,
  { before, unownedBefore }: { before: Date; unownedBefore: Date },
  limit: number,
): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from email_links where id = any(
      array(select id from email_links where created_at < ${timestamp(before)}
        order by created_at limit ${limit} for update skip locked)
      || array(select id from email_links where user_id is null and created_at < ${timestamp(unownedBefore)}
          and (purpose <> 'invite' or expires_at < ${timestamp(unownedBefore)})
        order by created_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

/** Which links end with all of an account's, as far as they may undo a change. */
function endsNotMe(notMe: 'end' | 'keep' | { olderThan: EmailLink }) {
  if (notMe === 'end') return undefined;
  if (notMe === 'keep') return not(eq(emailLinks.purpose, 'not_me'));
  const { emailKey: key, change } = notMe.olderThan;
  return not(
    sql`(${emailLinks.purpose} = 'not_me' and ${emailLinks.emailKey} <> ${key} and ${emailLinks.change} < ${change})`,
  );
}

function isOpen() {
  return and(isNull(emailLinks.usedAt), isNull(emailLinks.endedAt));
}

function sign({ id, purpose, nonce }: Pick<EmailLink, 'id' | 'purpose' | 'nonce'>, secret: string): Buffer {
  const key = deriveKey(secret, 'email link');
  return createHmac('sha256', key).update(`${purpose}\n${id}\n`).update(nonce).digest();
}

function isSigned(link: EmailLink, given: string): boolean {
  const mac = Buffer.from(given, 'base64url');
  return env()
    .authSecrets.map((secret) => timingSafeEqual(sign(link, secret), mac))
    .includes(true);
}

/** Of base64url's last character some bits say nothing: without this, several tokens would be the same one. */
function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}

function readId(part: string): string {
  const hex = Buffer.from(part, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
