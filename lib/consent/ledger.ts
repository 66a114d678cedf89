import { and, desc, eq, sql } from 'drizzle-orm';
import { smsConsentDetails, smsConsents, type ConsentMedium, type ConsentScope } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { env, type Env } from '@/lib/env';
import { currentWording, renderWording } from './wording';

/** Who the texts come from, as every consent names them. */
const sender = 'Doorstep';

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
 * kept), the legal person who sends, and the from-number or service that the texts come from.
 */
export async function grantConsent(
  tx: Tx,
  consent: { userId: string; phone: string; scopes: readonly ConsentScope[]; medium: keyof typeof pages },
  context: RequestContext,
): Promise<void> {
  if (consent.scopes.length === 0) return;
  const { version } = currentWording;
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
        wordingVersion: version,
        wording: renderWording(version),
        language,
        sender,
        legalSender: env().operator.name ?? sender,
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
  const standing = await readStandingConsent(tx, consent);
  const scopes = consent.scopes.filter((scope) => standing.has(scope));
  if (scopes.length === 0) return [];
  await tx.insert(smsConsents).values(
    scopes.map((scope) => ({
      at: now,
      userId: consent.userId,
      phone: consent.phone,
      scope,
      action: 'withdrawn' as const,
      medium: consent.medium,
      sender,
    })),
  );
  return scopes;
}

/**
 * Appends a withdrawal for each scope that stands for anybody at this number: one statement, however many accounts it has.
 *
 * `agreedBefore` null: for everybody. Else whoever gave or resumed a consent at this number later than that keeps theirs.
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
    select ${at.toISOString()}::timestamptz, user_id, ${phone}, scope, 'withdrawn', ${medium}, ${sender}
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
    where action = 'granted' and at > ${since.toISOString()}::timestamptz limit 1`);
  return rows.length > 0;
}

/** The scopes that stand for this person and number: those whose last row grants, or resumes what a STOP withdrew. */
export async function readStandingConsent(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string },
): Promise<Set<ConsentScope>> {
  const rows = await db
    .selectDistinctOn([smsConsents.scope], { scope: smsConsents.scope, action: smsConsents.action })
    .from(smsConsents)
    .where(and(eq(smsConsents.userId, userId), eq(smsConsents.phone, phone)))
    .orderBy(smsConsents.scope, desc(smsConsents.id));
  return new Set(rows.filter((row) => row.action !== 'withdrawn').map((row) => row.scope));
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

/** The version of the wording that consent of this scope stands on; null: none stands. */
export async function readStandingWording(
  db: Db | Tx,
  { userId, phone, scope }: { userId: string; phone: string; scope: ConsentScope },
): Promise<string | null> {
  const last = await readLastAct(db, { userId, phone, scope });
  return last !== null && last.action !== 'withdrawn' ? last.wordingVersion : null;
}

/** The last thing that was said about a scope for this person and number; null: nothing ever was. */
export async function readLastAct(
  db: Db | Tx,
  { userId, phone, scope }: { userId: string; phone: string; scope: ConsentScope },
): Promise<typeof smsConsents.$inferSelect | null> {
  const [row] = await db
    .select()
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
