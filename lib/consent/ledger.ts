import { getTableColumns, sql, type SQL, type SQLWrapper } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import {
  smsConsentDetails,
  smsConsents,
  type ConsentMedium,
  type ConsentScope,
  type StopMedium,
} from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { env, type Env } from '@/lib/env';
import { currentWording } from './current-wording';
import { isLatestVersion, writePlain } from './wording';

/** Rows of this wording have the name of the site in the place of a legal person that was not set. */
const firstVersion = '2026-11-1';

/** The language that every wording so far is in (BCP 47). */
const language = 'en';

/** The page of the box that each of these acts ticked. */
const pages = {
  registration: '/users/register/applicant',
  code_page: '/users/verify-phone',
  preferences: '/users/sms-preferences',
} as const satisfies Partial<Record<ConsentMedium, string>>;

/**
 * Appends what a person agreed to by ticking the box: a row per scope with the exact wording shown, its version and
 * language, the medium and page, time, number, address and user agent (what the CTIA Messaging Principles 2023 ask to be
 * kept), the name of the site, the legal person who sends, and the from-number or service that the texts come from. So a row
 * needs no setting to be understood later.
 */
export async function grantConsent(
  tx: Tx,
  consent: { userId: string; phone: string; scopes: readonly ConsentScope[]; medium: keyof typeof pages },
  context: RequestContext,
): Promise<void> {
  if (consent.scopes.length === 0) return;
  const wording = currentWording();
  const { siteName, operator } = env();
  const rows = await tx
    .insert(smsConsents)
    .values(
      consent.scopes.map((scope) => ({
        at: context.now,
        userId: consent.userId,
        phone: consent.phone,
        scope,
        action: 'granted' as const,
        medium: consent.medium,
        wordingVersion: wording.version,
        wording: writePlain(wording),
        language,
        sender: siteName,
        legalSender: operator.name,
        sentFrom: nameSender(env()),
        page: pages[consent.medium],
      })),
    )
    .returning({ id: smsConsents.id });
  await tx.insert(smsConsentDetails).values(
    rows.map(({ id }) => ({
      consentId: id,
      userId: consent.userId,
      address: context.address,
      userAgent: context.userAgent,
    })),
  );
}

/** Appends a withdrawal for each scope that this person consents to at this number. Out: which those were. */
export async function withdrawConsent(
  tx: Tx,
  consent: { userId: string; phone: string; scopes: readonly ConsentScope[]; medium: ConsentMedium },
  now: Date,
): Promise<ConsentScope[]> {
  const standing = await listStanding(tx, consent);
  const scopes = consent.scopes.filter((scope) => standing.some((row) => row.scope === scope));
  if (scopes.length === 0) return [];
  await tx.insert(smsConsents).values(
    scopes.map((scope) => ({
      at: now,
      userId: consent.userId,
      phone: consent.phone,
      scope,
      action: 'withdrawn' as const,
      medium: consent.medium,
      sender: env().siteName,
    })),
  );
  return scopes;
}

/**
 * Appends a withdrawal for each scope that anyone consents to at this number: one statement, however many accounts it has,
 * and two reads for each of them, however long their ledgers are.
 *
 * `agreedBefore` null: for everyone. Else whoever gave or resumed a consent at this number later than that keeps theirs.
 */
export async function withdrawEverywhere(
  tx: Tx,
  {
    phone,
    medium,
    at,
    agreedBefore,
  }: { phone: string; medium: ConsentMedium; at: Date; agreedBefore: Date | null },
): Promise<void> {
  const before = agreedBefore === null ? sql`'infinity'` : sql`${agreedBefore.toISOString()}`;
  await tx.execute(sql`
    with recursive accounts (phone, user_id) as (
      select ${phone}, ${nobody}::uuid
      union all
      select next.phone, next.user_id from accounts cross join lateral (
        select c.phone, c.user_id from sms_consents c where (c.phone, c.user_id) > (accounts.phone, accounts.user_id)
        order by c.phone, c.user_id limit 1
      ) next where next.phone = ${phone}
    )
    insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
    select ${timestamp(at)}, user_id, ${phone}, scope, 'withdrawn', ${medium}, ${env().siteName}
    from (
      select last.user_id, last.scope, last.action,
        max(last.at) filter (where last.action <> 'withdrawn') over (partition by last.user_id) as agreed_at
      from accounts cross join ${lastActs(sql`accounts.user_id`, sql`accounts.phone`)}
    ) acts
    where action <> 'withdrawn' and agreed_at < ${before}::timestamptz
    order by user_id, scope desc`);
}

/** Appends a withdrawal for each scope that this person consents to, at whatever number. */
export async function withdrawAll(
  tx: Tx,
  { userId, medium }: { userId: string; medium: ConsentMedium },
  now: Date,
): Promise<void> {
  await tx.execute(sql`
    with recursive ${numbersOf(userId)}
    insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
    select ${timestamp(now)}, last.user_id, last.phone, last.scope, 'withdrawn', ${medium}, ${env().siteName}
    from numbers cross join ${lastActs(sql`numbers.user_id`, sql`numbers.phone`)}
    where last.action <> 'withdrawn'
    order by last.phone, last.scope desc`);
}

/** Whether this person has ticked the box for texts at this number later than `since`, and has not withdrawn it since. */
export async function hasAgreedSince(
  tx: Tx,
  { phone, userId, since }: { phone: string; userId: string; since: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from ${lastActs(userId, phone)}
    where last.action = 'granted' and last.at > ${timestamp(since)} limit 1`);
  return rows.length > 0;
}

/**
 * The scopes that this person consents to at this number: those whose last row grants, or resumes what a STOP withdrew, to the
 * operator of today.
 */
export async function readStandingConsent(
  db: Db | Tx,
  of: { userId: string; phone: string },
): Promise<Set<ConsentScope>> {
  const standing = await listStanding(db, of);
  return new Set(standing.filter((row) => row.isToOperator).map((row) => row.scope));
}

/** Not withdrawn, whoever it was given to. */
async function listStanding(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string },
): Promise<{ scope: ConsentScope; isToOperator: boolean }[]> {
  const { rows } = await db.execute<{ scope: ConsentScope; is_to_operator: boolean }>(sql`
    select scope, ${isToOperator()} as is_to_operator from ${lastActs(userId, phone)}
    where action <> 'withdrawn'`);
  return rows.map(({ scope, is_to_operator: isGood }) => ({ scope, isToOperator: isGood }));
}

/**
 * The last row of each scope for a person and a number, to be read `from` under the name `last`: one read by an index
 * (sms_consents_last_index) for each, however long the ledger is.
 *
 * The rows are named as a stretch of that index. Where columns are compared one by one, PostgreSQL may go through the ledger
 * backwards until it meets one, which is all of it for a scope that was last spoken of long ago.
 */
export function lastActs(userId: SQLWrapper | string, phone: SQLWrapper | string): SQL {
  return sql`unnest(array['verification', 'updates']) each (name) cross join lateral (
    select c.* from sms_consents c where ${isWithin({ userId, phone, scope: sql`each.name` })}
    order by ${lastFirst} limit 1
  ) last`;
}

/** Of the rows `c`: those about one scope for one person and number, up to the one with the id `last`. */
function isWithin({
  userId,
  phone,
  scope,
  last = sql`9223372036854775807`,
}: Record<'userId' | 'phone' | 'scope', SQLWrapper | string> & { last?: SQL }): SQL {
  return sql`(c.phone, c.user_id, c.scope, c.id) >= (${phone}, ${userId}, ${scope}, 0)
    and (c.phone, c.user_id, c.scope, c.id) <= (${phone}, ${userId}, ${scope}, ${last})`;
}

const lastFirst = sql`c.phone desc, c.user_id desc, c.scope desc, c.id desc`;

/** The id that no account has, and that comes before every other. */
const nobody = '00000000-0000-0000-0000-000000000000';

/**
 * Every number in a person's ledger, for `with recursive`: each is looked for behind the one before it, so that it is
 * read once, however often it is there.
 */
function numbersOf(userId: string): SQL {
  return sql`numbers (user_id, phone) as (
    select ${userId}::uuid, ''
    union all
    select next.user_id, next.phone from numbers cross join lateral (
      select c.user_id, c.phone from sms_consents c where (c.user_id, c.phone) > (numbers.user_id, numbers.phone)
      order by c.user_id, c.phone limit 1
    ) next where next.user_id = ${userId}
  )`;
}

/**
 * Whether the consent in a row is good for the operator of today. Consent to updates is given to one legal person, so another
 * one has to get its own. A row that names no legal person is good: nothing tells that it was another. Older rows have none, or
 * the name of the site in its place. Consent to codes is always good, since a person asks for each code.
 */
export function isToOperator(): SQL<boolean> {
  return sql<boolean>`(scope <> 'updates' or legal_sender is null or coalesce(legal_sender = ${env().operator.name}, false)
    or (legal_sender = sender and wording_version = ${firstVersion}))`;
}

/**
 * Takes back, by a START, what a STOP withdrew: the consent given before holds again, with the wording it was given to.
 * No consent is created: only a scope whose last row is a STOP's withdrawal, at `stoppedSince` or later, is resumed. Out:
 * the scopes that were.
 */
export async function resumeConsent(
  tx: Tx,
  consent: { userId: string; phone: string; scopes: readonly ConsentScope[]; stoppedSince: Date },
  now: Date,
): Promise<ConsentScope[]> {
  const { userId, phone, stoppedSince } = consent;
  // What was resumed before has the wording of its grant.
  const { rows } = await tx.execute<{ scope: ConsentScope }>(sql`
    insert into sms_consents (at, user_id, phone, scope, action, medium,
      wording_version, wording, language, sender, legal_sender, sent_from, page)
    select ${timestamp(now)}, last.user_id, last.phone, last.scope, 'resumed', 'sms_start',
      agreed.wording_version, agreed.wording, agreed.language, agreed.sender, agreed.legal_sender, agreed.sent_from, agreed.page
    from ${lastActs(userId, phone)} cross join lateral (
      select c.* from sms_consents c
      where ${isWithin({ userId, phone, scope: sql`last.scope`, last: sql`last.id` })} and c.action <> 'withdrawn'
      order by ${lastFirst} limit 1
    ) agreed
    where last.scope = any(${sql.param([...consent.scopes])}::text[]) and last.action = 'withdrawn'
      and last.medium = any(${sql.param([...stopMedia])}::text[]) and last.at >= ${timestamp(stoppedSince)}
    order by last.scope desc
    returning scope`);
  return rows.map(({ scope }) => scope);
}

/** How a number's own STOP is said; a START takes it back, whichever it was. */
const stopMedia: readonly StopMedium[] = ['sms_stop', 'carrier_stop', 'recorded_stop'];

/** Whether a withdrawal is such a STOP. */
export function isStop(medium: ConsentMedium): medium is StopMedium {
  return stopMedia.some((each) => each === medium);
}

/** Whether this person consents to this scope at this number. */
export async function hasConsent(
  db: Db | Tx,
  { userId, phone, scope }: { userId: string; phone: string; scope: ConsentScope },
): Promise<boolean> {
  return (await readStandingConsent(db, { userId, phone })).has(scope);
}

/** Whether the last act leaves a consent to the operator of today, and whether to the present wording, under whatever names. */
export function judgeConsent(last: LastAct | null): 'none' | 'standing' | 'earlier_wording' {
  if (last === null || last.action === 'withdrawn' || !last.isToOperator) return 'none';
  return isLatestVersion(last.wordingVersion ?? '') ? 'standing' : 'earlier_wording';
}

type LastAct = typeof smsConsents.$inferSelect & { isToOperator: boolean };

/** The last thing that was said about a scope for this person and number; null: nothing ever was. */
export async function readLastAct(
  db: Db | Tx,
  { userId, phone, scope }: { userId: string; phone: string; scope: ConsentScope },
): Promise<LastAct | null> {
  const c = alias(smsConsents, 'c');
  const [row] = await db
    .select({ ...getTableColumns(c), isToOperator: isToOperator() })
    .from(c)
    .where(isWithin({ userId, phone, scope }))
    .orderBy(lastFirst)
    .limit(1);
  return row ?? null;
}

/** Every number at which this person consents to something. Those where all of it is withdrawn have nothing left to end. */
export async function findConsentedPhones(db: Db | Tx, userId: string): Promise<string[]> {
  const { rows } = await db.execute<{ phone: string }>(sql`
    with recursive ${numbersOf(userId)}
    select distinct last.phone from numbers cross join ${lastActs(sql`numbers.user_id`, sql`numbers.phone`)}
    where last.action <> 'withdrawn'`);
  return rows.map(({ phone }) => phone);
}

/** Whether this person ever agreed to texts at this number. */
export async function hasNamed(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string },
): Promise<boolean> {
  const { rows } = await db.execute(sql`select from ${lastActs(userId, phone)} limit 1`);
  return rows.length > 0;
}

/** When this person first agreed to texts at each of the numbers that they have named since then. */
export async function listFirstNamed(
  db: Db | Tx,
  { userId, since }: { userId: string; since: Date },
): Promise<Date[]> {
  const { rows } = await db.execute<{ at: string }>(sql`
    with recursive ${numbersOf(userId)}
    select min(first.at)::text as at
    from numbers cross join unnest(array['verification', 'updates']) each (name) cross join lateral (
      select c.at from sms_consents c
      where ${isWithin({ userId: sql`numbers.user_id`, phone: sql`numbers.phone`, scope: sql`each.name` })}
      order by c.phone, c.user_id, c.scope, c.id limit 1
    ) first
    group by numbers.phone having min(first.at) > ${timestamp(since)}`);
  return rows.map(({ at }) => new Date(at));
}

/** The last that was said about a scope by one account at a number. */
export type LastWord = Pick<
  typeof smsConsents.$inferSelect,
  'userId' | 'scope' | 'action' | 'medium' | 'wordingVersion' | 'at'
>;

/** The last that was said about each scope at this number, by each of `mostAccounts` accounts at most, in no order of time. */
export async function listLastWordsAt(db: Db, phone: string, mostAccounts: number): Promise<LastWord[]> {
  const { rows } = await db.execute<{
    user_id: string;
    scope: ConsentScope;
    action: LastWord['action'];
    medium: ConsentMedium;
    wording_version: string | null;
    at_ms: number;
  }>(sql`
    with recursive accounts (phone, user_id, nth) as (
      select ${phone}, ${nobody}::uuid, 0
      union all
      select next.phone, next.user_id, accounts.nth + 1 from accounts cross join lateral (
        select c.phone, c.user_id from sms_consents c where (c.phone, c.user_id) > (accounts.phone, accounts.user_id)
        order by c.phone, c.user_id limit 1
      ) next where next.phone = ${phone} and accounts.nth < ${mostAccounts}
    )
    select last.user_id, last.scope, last.action, last.medium, last.wording_version,
      (extract(epoch from last.at) * 1000)::float8 as at_ms
    from accounts cross join ${lastActs(sql`accounts.user_id`, sql`accounts.phone`)}`);
  return rows.map((row) => ({
    ...{ userId: row.user_id, scope: row.scope, action: row.action, medium: row.medium },
    ...{ wordingVersion: row.wording_version, at: new Date(row.at_ms) },
  }));
}

/** Every number at which this person ever agreed to texts. */
export async function listNumbersInLedger(db: Db | Tx, userId: string): Promise<string[]> {
  const { rows } = await db.execute<{ phone: string }>(sql`
    with recursive ${numbersOf(userId)} select phone from numbers where phone <> ''`);
  return rows.map(({ phone }) => phone);
}

/** What `eraseConsentDetails` would erase, `limit` at most; null: all. */
export async function findConsentDetails(
  db: Db | Tx,
  userId: string,
  limit: number | null,
): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select consent_id::text as id from sms_consent_details where user_id = ${userId} limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Erases what of a person's consents is personal beyond the number: addresses and browsers. The ledger itself stays. */
export async function eraseConsentDetails(db: Db | Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.execute(
    sql`delete from sms_consent_details where consent_id = any(${sql.param([...ids])}::bigint[])`,
  );
}

/** What a person's phone shows as the sender, or its SID: null on the console, which sends from none. */
function nameSender({ twilio }: Pick<Env, 'twilio'>): string | null {
  if (twilio === null) return null;
  return 'fromPhone' in twilio.sender ? twilio.sender.fromPhone : twilio.sender.messagingServiceSid;
}
