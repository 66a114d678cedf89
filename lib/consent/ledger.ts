import { and, desc, eq, getTableColumns, sql, type SQL } from 'drizzle-orm';
import { smsConsentDetails, smsConsents, type ConsentMedium, type ConsentScope } from '@/db/schema/consent';
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

/** Where the box stands that each of these acts ticked. */
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

/** Appends a withdrawal for each scope that stands for this person and number. Out: which those were. */
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
 * Appends a withdrawal for each scope that stands for anyone at this number: one statement, however many accounts it has.
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
    insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
    select ${timestamp(at)}, user_id, ${phone}, scope, 'withdrawn', ${medium}, ${env().siteName}
    from (
      select distinct on (user_id, scope) user_id, scope, action,
        max(at) filter (where action <> 'withdrawn') over (partition by user_id) as agreed_at
      from sms_consents where phone = ${phone}
      order by user_id, scope, id desc
    ) last
    where action <> 'withdrawn' and agreed_at < ${before}::timestamptz
    order by user_id, scope desc`);
}

/** Whether this person has ticked the box for texts at this number later than `since`, and what they agreed to stands. */
export async function hasAgreedSince(
  tx: Tx,
  { phone, userId, since }: { phone: string; userId: string; since: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from (
      select distinct on (scope) action, at from sms_consents
      where phone = ${phone} and user_id = ${userId}
      order by scope, id desc
    ) last
    where action = 'granted' and at > ${timestamp(since)} limit 1`);
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
  const { scope, action } = smsConsents;
  const rows = await db
    .selectDistinctOn([scope], { scope, action, isToOperator: isToOperator() })
    .from(smsConsents)
    .where(and(eq(smsConsents.userId, userId), eq(smsConsents.phone, phone)))
    .orderBy(scope, desc(smsConsents.id));
  return rows.filter((row) => row.action !== 'withdrawn');
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
 * Takes back, by a START, what a STOP withdrew: the consent given before stands again, with the wording it was given to.
 * No consent is created: only a scope whose last row is a STOP's withdrawal, at `stoppedSince` or later, is resumed. Out:
 * the scopes that were.
 */
export async function resumeConsent(
  tx: Tx,
  consent: { userId: string; phone: string; scopes: readonly ConsentScope[]; stoppedSince: Date },
  now: Date,
): Promise<ConsentScope[]> {
  const { userId, phone, stoppedSince } = consent;
  const rows = await tx
    .select()
    .from(smsConsents)
    .where(and(eq(smsConsents.userId, userId), eq(smsConsents.phone, phone)))
    .orderBy(desc(smsConsents.id));
  const resumed: ConsentScope[] = [];
  for (const scope of consent.scopes) {
    const ofScope = rows.filter((row) => row.scope === scope);
    const last = ofScope[0];
    const granted = ofScope.find((row) => row.action === 'granted');
    if (!last || !granted || last.action !== 'withdrawn' || last.at < stoppedSince) continue;
    if (last.medium !== 'sms_stop' && last.medium !== 'carrier_stop') continue;
    await tx.insert(smsConsents).values({
      at: now,
      userId,
      phone,
      scope,
      action: 'resumed',
      medium: 'sms_start',
      wordingVersion: granted.wordingVersion,
      wording: granted.wording,
      language: granted.language,
      sender: granted.sender,
      legalSender: granted.legalSender,
      sentFrom: granted.sentFrom,
      page: granted.page,
    });
    resumed.push(scope);
  }
  return resumed;
}

/** Whether consent of this scope stands for this person and number. */
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
  const [row] = await db
    .select({ ...getTableColumns(smsConsents), isToOperator: isToOperator() })
    .from(smsConsents)
    .where(and(eq(smsConsents.userId, userId), eq(smsConsents.phone, phone), eq(smsConsents.scope, scope)))
    .orderBy(desc(smsConsents.id))
    .limit(1);
  return row ?? null;
}

/** Every number at which this person ever agreed to texts. */
export async function findConsentedPhones(db: Db | Tx, userId: string): Promise<string[]> {
  const rows = await db
    .selectDistinct({ phone: smsConsents.phone })
    .from(smsConsents)
    .where(and(eq(smsConsents.userId, userId), eq(smsConsents.action, 'granted')));
  return rows.map((row) => row.phone);
}

/** Erases what of a person's consents is personal beyond the number: addresses and browsers. The ledger itself stays. */
export async function eraseConsentDetails(tx: Tx, userId: string): Promise<void> {
  await tx.execute(sql`
    delete from sms_consent_details
    where consent_id = any(array(select id from sms_consents where user_id = ${userId}))`);
}

/** What a person's phone shows as the sender, or the SID that stands for it: null on the console, which sends from none. */
function nameSender({ twilio }: Pick<Env, 'twilio'>): string | null {
  if (twilio === null) return null;
  return 'fromPhone' in twilio.sender ? twilio.sender.fromPhone : twilio.sender.messagingServiceSid;
}
