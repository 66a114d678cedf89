import { and, eq, getTableColumns, sql, type SQL, type SQLWrapper } from 'drizzle-orm';
import {
  smsConsentDetails,
  smsConsents,
  smsUnfinishedStops,
  type ConsentMedium,
  type ConsentScope,
  type StopMedium,
} from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { env, nameTwilioSender, type Env } from '@/lib/env';
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
  second_factor: '/users/login/second-factor',
} as const satisfies Partial<Record<ConsentMedium, string>>;

/**
 * Appends what a person agreed to by ticking the box: a row per scope with the exact wording shown, its version and
 * language, the medium and page, time, number, address and user agent (what the CTIA Messaging Principles 2023 ask to be
 * kept), the name of the site, the legal person who sends, and the from-number or service that the texts come from. So a row
 * needs no setting to be understood later.
 */
export async function grantConsent(
  tx: Tx,
  consent: {
    userId: string;
    phone: string;
    scopes: readonly ConsentScope[];
    medium: keyof typeof pages;
    /** Where the box is on more than one page: which it was ticked on. */
    page?: string;
  },
  context: RequestContext,
): Promise<void> {
  if (consent.scopes.length === 0) return;
  await writeStopsOf(tx, consent);
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
        sentFrom: nameSender(env(), scope),
        page: consent.page ?? pages[consent.medium],
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

/** What a STOP says of every account: what it ends, how and when it was said, and since when an account keeps what it agreed to. */
type Stop = {
  phone: string;
  medium: StopMedium;
  scopes: readonly ConsentScope[];
  at: Date;
  agreedBefore: Date | null;
};

/** The withdrawals of so many accounts are part of the STOP itself, which takes them some hundredths of a second. */
const accountsAtOnce = 500;

/**
 * Withdraws each of `scopes` that anyone consents to at this number, which is locked. That takes a bounded time, however many accounts
 * name the number: appended here are the rows of `holderUserId` and of `accountsAtOnce` accounts. Where there are more, a row of
 * `sms_unfinished_stops` has every reader take what they agreed to for withdrawn (`lastActs`), until `finishStop` has appended
 * theirs.
 *
 * `agreedBefore` null: for everyone. Else whoever gave or resumed one of these consents at this number later than that keeps theirs.
 */
export async function withdrawEverywhere(
  tx: Tx,
  { holderUserId, ...stop }: Stop & { holderUserId: string | null },
): Promise<void> {
  const { phone, medium, scopes, at, agreedBefore } = stop;
  if (holderUserId !== null) await withdrawFrom(tx, stop, one(phone, holderUserId));
  const first = await withdrawFrom(tx, stop, accountsBehind(phone, nobody, accountsAtOnce));
  if (first.lastUserId === null) return;
  // The ledger's ids are given under the number's lock: whoever agrees at it later has a greater one. And what an earlier STOP has
  // left is part of what this one is about: where that ended more, this one does.
  await tx.execute(sql`
    insert into sms_unfinished_stops as known (phone, is_late, medium, scopes, at, agreed_before, through_id, after_user_id)
    select ${phone}, ${agreedBefore !== null}, ${medium}, ${sql.param([...scopes])}::text[], ${timestamp(at)},
      ${agreedBefore?.toISOString() ?? null}::timestamptz, max(id), ${first.lastUserId}::uuid
    from sms_consents
    on conflict (phone, is_late) do update set
      medium = excluded.medium, scopes = array(select distinct unnest(known.scopes || excluded.scopes) order by 1),
      at = greatest(known.at, excluded.at),
      agreed_before = greatest(known.agreed_before, excluded.agreed_before),
      through_id = excluded.through_id, after_user_id = excluded.after_user_id`);
}

/** The numbers at which a STOP is unfinished, for a statement to choose from. */
export const unfinishedNumbers = sql`(select phone from sms_unfinished_stops)`;

/**
 * Appends what the unfinished STOP of a number withdraws from its next `limit` accounts; the number is locked. What was agreed to
 * after the STOP stays. Whoever is stopped on the way loses nothing: the next one goes on where the last transaction ended.
 */
export async function finishStop(tx: Tx, phone: string, limit: number): Promise<void> {
  const [stop] = await listUnfinished(tx, phone);
  if (stop === undefined) return;
  const accounts = accountsBehind(phone, stop.afterUserId, limit);
  const { lastUserId } = await withdrawFrom(tx, stop, accounts);
  const isThis = and(eq(smsUnfinishedStops.phone, phone), eq(smsUnfinishedStops.isLate, stop.isLate));
  if (lastUserId === null) await tx.delete(smsUnfinishedStops).where(isThis);
  else await tx.update(smsUnfinishedStops).set({ afterUserId: lastUserId }).where(isThis);
}

/** Appends for one account what unfinished STOPs of a number withdraw from it, so that what it says next stands behind that. */
async function writeStopsOf(tx: Tx, { userId, phone }: { userId: string; phone: string }): Promise<void> {
  for (const stop of await listUnfinished(tx, phone)) {
    await withdrawFrom(tx, stop, one(phone, userId));
  }
}

async function listUnfinished(tx: Tx, phone: string): Promise<(typeof smsUnfinishedStops.$inferSelect)[]> {
  const stops = await tx
    .select()
    .from(smsUnfinishedStops)
    .where(eq(smsUnfinishedStops.phone, phone))
    .orderBy(smsUnfinishedStops.isLate);
  // A moment that is none, in a row that is broken, keeps no STOP from being written: it is of now, and for everyone.
  return stops.map((stop) => ({
    ...stop,
    at: isStorable(stop.at) ? stop.at : databaseNow(),
    agreedBefore: stop.agreedBefore !== null && isStorable(stop.agreedBefore) ? stop.agreedBefore : null,
  }));
}

/** Whether a statement takes a moment in again. */
function isStorable(moment: Date): boolean {
  const year = moment.getUTCFullYear();
  return year > 0 && year < 10_000;
}

/** One account, for `withdrawFrom`. */
function one(phone: string, userId: string): SQL {
  return sql`select ${phone}, ${userId}::uuid, 1`;
}

/** The next accounts in the ledger of a number, each found by an index, however often it is there. The first is behind `userId`. */
function accountsBehind(phone: string, userId: string, limit: number): SQL {
  return sql`select ${phone}, ${userId}::uuid, -${limit}::int
    union all
    select next.phone, next.user_id, accounts.nth + 1 from accounts cross join lateral (
      select c.phone, c.user_id from sms_consents c where (c.phone, c.user_id) > (accounts.phone, accounts.user_id)
      order by c.phone, c.user_id limit 1
    ) next where next.phone = ${phone} and accounts.nth < 0`;
}

/**
 * Appends what a STOP withdraws from `accounts` (rows of a number, an account, and how many are left to be read: 0 is the last):
 * one statement. Out: the account with which it ended; null: there is no other.
 */
async function withdrawFrom(
  tx: Tx,
  { medium, scopes, at, agreedBefore, throughId }: Omit<Stop, 'phone'> & { throughId?: number },
  accounts: SQL,
): Promise<{ lastUserId: string | null }> {
  const { rows } = await tx.execute<{ user_id: string }>(sql`
    with recursive accounts (phone, user_id, nth) as (${accounts}),
    written as (
      insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
      select ${timestamp(at)}, act.user_id, act.phone, act.scope, 'withdrawn', ${medium}, ${env().siteName}
      from accounts cross join lateral (
        select last.* from ${writtenActs(sql`accounts.user_id`, sql`accounts.phone`)}
      ) act
      where ${isWithdrawnBy({
        throughId: throughId === undefined ? latest : sql`${throughId}::bigint`,
        agreedBefore: sql`${agreedBefore?.toISOString() ?? null}::timestamptz`,
        scopes: sql`${sql.param([...scopes])}::text[]`,
      })}
      order by act.user_id, act.scope desc
    )
    select user_id from accounts where nth = 0`);
  return { lastUserId: rows[0]?.user_id ?? null };
}

/**
 * Whether a STOP withdraws the row `act`, the last of its scope: one of `scopes` up to `throughId`, unless its account had agreed to
 * one of them at `agreedBefore` or later by then. What the account says afterwards of one scope changes nothing about the other.
 */
function isWithdrawnBy({
  throughId,
  agreedBefore,
  scopes,
}: Record<'throughId' | 'agreedBefore' | 'scopes', SQL>): SQL {
  return sql`act.action <> 'withdrawn' and act.scope = any(${scopes}) and act.id <= ${throughId} and (${agreedBefore} is null or not exists (
    select from ${writtenActs(sql`act.user_id`, sql`act.phone`, throughId)}
    where last.action <> 'withdrawn' and last.scope = any(${scopes}) and last.at >= ${agreedBefore}))`;
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

/**
 * Whether this person has ticked the box for one of these scopes at this number later than `since`, up to `until`, and has not withdrawn
 * it since.
 */
export async function hasAgreedSince(
  tx: Tx,
  {
    phone,
    userId,
    scopes,
    since,
    until,
  }: { phone: string; userId: string; scopes: readonly ConsentScope[]; since: Date; until: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from ${lastActs(userId, phone)}
    where last.action = 'granted' and last.scope = any(${sql.param([...scopes])}::text[])
      and last.at > ${timestamp(since)} and last.at <= ${timestamp(until)} limit 1`);
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
 * (sms_consents_last_index) for each, however long the ledger is. What an unfinished STOP withdraws is read as if its rows were
 * there already, with the id of what it withdraws.
 */
export function lastActs(userId: SQLWrapper | string, phone: SQLWrapper | string): SQL {
  return sql`unnest(array['verification', 'updates']) each (name) cross join lateral (
    select ${asWritten}, coalesce(stop.action, act.action) as action, coalesce(stop.medium, act.medium) as medium,
      coalesce(stop.at, act.at) as at
    from (${lastAct({ userId, phone, scope: sql`each.name` })}) act left join lateral (
      select 'withdrawn' as action, s.medium, s.at from sms_unfinished_stops s
      where s.phone = act.phone
        and ${isWithdrawnBy({ throughId: sql`s.through_id`, agreedBefore: sql`s.agreed_before`, scopes: sql`s.scopes` })}
      order by s.is_late limit 1
    ) stop on true
  ) last`;
}

/** The same as the ledger has it, up to the row with the id `last`. */
function writtenActs(userId: SQLWrapper, phone: SQLWrapper, last = latest): SQL {
  return sql`unnest(array['verification', 'updates']) each (name) cross join lateral (
    ${lastAct({ userId, phone, scope: sql`each.name`, last })}) last`;
}

/** The columns of a row that no unfinished STOP changes. */
const asWritten = sql.raw(
  Object.values(getTableColumns(smsConsents))
    .filter(({ name }) => !['action', 'medium', 'at'].includes(name))
    .map(({ name }) => `act.${name}`)
    .join(', '),
);

type About = Record<'userId' | 'phone' | 'scope', SQLWrapper | string> & { last?: SQL };

/** The last row about one scope for one person and number, up to the one with the id `last`. */
function lastAct(about: About): SQL {
  return sql`select c.* from sms_consents c where ${isWithin(about)} order by ${lastFirst} limit 1`;
}

/**
 * Of the rows `c`: those about one scope for one person and number, up to the one with the id `last`.
 *
 * They are named as a stretch of an index. Where columns are compared one by one, PostgreSQL may go through the ledger backwards
 * until it meets one, which is all of it for a scope that was last spoken of long ago.
 */
function isWithin({ userId, phone, scope, last = latest }: About): SQL {
  return sql`(c.phone, c.user_id, c.scope, c.id) >= (${phone}, ${userId}, ${scope}, 0)
    and (c.phone, c.user_id, c.scope, c.id) <= (${phone}, ${userId}, ${scope}, ${last})`;
}

const lastFirst = sql`c.phone desc, c.user_id desc, c.scope desc, c.id desc`;

/** No row has a greater id. */
const latest = sql`9223372036854775807`;

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
  await writeStopsOf(tx, consent);
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
  const columns = getTableColumns(smsConsents);
  // By the name of the table, so that the columns are read as they are of one that is there.
  const act = db
    .$with('sms_consents', columns)
    .as(sql`select last.* from ${lastActs(userId, phone)} where last.scope = ${scope}`);
  const [row] = await db
    .with(act)
    .select({ ...columns, isToOperator: isToOperator() })
    .from(smsConsents);
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
function nameSender({ twilio }: Pick<Env, 'twilio'>, scope: ConsentScope): string | null {
  if (twilio === null) return null;
  return nameTwilioSender((scope === 'verification' ? twilio.codesSender : null) ?? twilio.sender);
}
