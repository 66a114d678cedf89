import { and, eq, sql } from 'drizzle-orm';
import { smsPreferences } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { recordAudit } from '@/lib/audit';
import {
  findConsentedPhones,
  grantConsent,
  readLastAct,
  readStandingWording,
  withdrawConsent,
} from '@/lib/consent/ledger';
import { readLastOptOut, recordOptOut } from '@/lib/consent/opt-outs';
import { currentWording } from '@/lib/consent/wording';
import type { RequestContext } from '@/lib/context';
import { categoryOf, categoryTemplates, textCategories, type TextCategory } from './categories';
import { requestCode, type SendRefusal } from '@/lib/sms/verification/request';
import { lockNumber, readNumber, releaseNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { confirmOptIn } from '@/lib/sms/outbox/opt-in';
import { askGatesAgain, cancelTexts } from '@/lib/sms/outbox/outbox';
import { defaultQuietWindow, isTimeOfDay } from './quiet-hours';
import { canonicalZone } from '@/lib/time-zones';

export type Preferences = typeof smsPreferences.$inferSelect;

/** What the switches say: the one for all texts, and one for each kind. */
export type TextSwitches = { enabled: boolean } & Record<TextCategory, boolean>;

/** A STOP older than this takes a fresh code besides fresh consent: the number may have gone to somebody else since. */
const staleStopMs = 90 * 24 * 3600 * 1000;

/**
 * A new account's preferences: texts only if asked for; quiet hours on, from 20:00 to 09:00. `timeZone` is what the
 * browser says; a name that is no zone we can reckon in counts as none.
 */
export async function createPreferences(
  tx: Tx | Db,
  {
    userId,
    enabled,
    timeZone,
    now,
  }: { userId: string; enabled: boolean; timeZone: string | null; now: Date },
): Promise<void> {
  await tx
    .insert(smsPreferences)
    .values({ userId, enabled, timeZone: canonicalZone(timeZone), updatedAt: now });
}

/** A person's preferences, fit to be reckoned with; null: there is no such person. */
export async function readPreferences(db: Db | Tx, userId: string): Promise<Preferences | null> {
  const [row] = await db.select().from(smsPreferences).where(eq(smsPreferences.userId, userId));
  return row ? soundPreferences(row) : null;
}

/**
 * Preferences as they can be reckoned with, whatever an earlier version left in the row: a zone that is none any more is
 * null, and a malformed window is the default one.
 */
export function soundPreferences(row: Preferences): Preferences {
  const { quietHoursStart: start, quietHoursEnd: end } = row;
  const window = isTimeOfDay(start) && isTimeOfDay(end) ? { start, end } : defaultQuietWindow;
  return {
    ...row,
    quietHoursStart: window.start,
    quietHoursEnd: window.end,
    timeZone: canonicalZone(row.timeZone),
  };
}

/** Whether a person wants texts of this template: all of them are on, and so is its kind, if it has one. */
export function wantsTemplate(preferences: TextSwitches | null, template: string): boolean {
  if (!preferences?.enabled) return false;
  const category = categoryOf(template);
  return category === null || preferences[category];
}

export type TextsState = {
  /** What is saved; `enabled` may be on while texts cannot go out for want of consent, proof, or after a STOP. */
  switches: TextSwitches;
  version: number;
  /** Whether consent to updates at this number stands, and whether on the wording in force. */
  consent: 'none' | 'standing' | 'earlier_wording';
  /** The number has opted out by STOP; only START undoes that. */
  stopped: boolean;
};

/** Where the switches stand for this person and number. */
export async function readTextsState(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string | null },
): Promise<TextsState> {
  const preferences = await requirePreferences(db, userId);
  const version = phone === null ? null : await readStandingWording(db, { userId, phone, scope: 'updates' });
  const number = phone === null ? null : await readNumber(db, phone);
  return {
    switches: pickSwitches(preferences),
    version: preferences.textsVersion,
    consent: version === null ? 'none' : version === currentWording.version ? 'standing' : 'earlier_wording',
    stopped: number?.suppressedAt != null,
  };
}

export type SaveTextsRefusal =
  | { reason: 'no_phone' | 'stopped' | 'consent_missing' }
  /** Another page saved something else since: what stands now, and its version. */
  | { reason: 'changed_meanwhile'; switches: TextSwitches; version: number };

/**
 * Saves the switches, if nobody saved others since `version`.
 *
 * Turning texts on takes standing consent to updates, on the wording in force and at the number the person has now, or
 * `agreed`, which is recorded. Where a STOP older than 90 days ended it, the number has to be proven again: `codeSent`
 * then says that a code is on its way, or why not. Turning off is recorded in the ledger and withdraws what waits.
 */
export async function saveTexts(
  db: Db,
  user: { userId: string; phone: string | null },
  wish: { switches: TextSwitches; version: number; agreed: boolean },
  context: RequestContext,
): Promise<{ ok: true; code: 'not_needed' | 'sent' | SendRefusal } | ({ ok: false } & SaveTextsRefusal)> {
  const { userId, phone } = user;
  const { switches } = wish;
  return db.transaction(async (tx) => {
    const number = phone === null ? null : await lockNumber(tx, phone);
    const before = await requirePreferences(tx, userId);
    const same = sameSwitches(before, switches);
    const agreement =
      switches.enabled && number !== null ? await readAgreement(tx, userId, number, context) : null;
    if (before.textsVersion !== wish.version && !same) return changedMeanwhile(before);
    if (switches.enabled) {
      if (number === null) return { ok: false as const, reason: 'no_phone' as const };
      const turnsOn = !before.enabled || !agreement!.stands;
      if (turnsOn && number.suppressedAt !== null) return { ok: false as const, reason: 'stopped' as const };
      if (turnsOn && !agreement!.current && !wish.agreed) {
        return { ok: false as const, reason: 'consent_missing' as const };
      }
    }
    if (!same && !(await writeSwitches(tx, userId, switches, wish.version, context))) {
      return changedMeanwhile(await requirePreferences(tx, userId));
    }
    if (!switches.enabled) {
      await stopUpdates(tx, userId, context.now);
      return { ok: true as const, code: 'not_needed' as const };
    }
    for (const category of textCategories) {
      if (!switches[category]) await cancelCategory(tx, userId, category, context.now);
    }
    if (wish.agreed && !agreement!.current) return agreeToUpdates(tx, userId, number!, agreement!, context);
    if (!before.enabled) await confirmOptIn(tx, { userId, number: number!, now: context.now });
    return { ok: true as const, code: 'not_needed' as const };
  });
}

/** Turns every update off, whatever else was saved meanwhile: off is never refused. What waits is withdrawn. */
export async function turnTextsOff(db: Db, user: { userId: string }, context: RequestContext): Promise<void> {
  const { userId } = user;
  await db.transaction(async (tx) => {
    const before = await requirePreferences(tx, userId);
    await writeSwitches(tx, userId, { ...pickSwitches(before), enabled: false }, null, context);
    await stopUpdates(tx, userId, context.now);
  });
}

export type QuietHours = {
  quietHoursEnabled: boolean;
  /** HH:MM */
  quietHoursStart: string;
  quietHoursEnd: string;
  /** IANA; null: taken from the number. */
  timeZone: string | null;
};

/**
 * Saves the quiet hours, if nobody saved others since `version`. What waits for the end of the old ones is asked again at
 * once, so that new hours hold for it too.
 */
export async function saveQuietHours(
  db: Db,
  user: { userId: string },
  wish: QuietHours & { version: number },
  context: RequestContext,
): Promise<
  | { ok: true; version: number }
  | { ok: false; reason: 'changed_meanwhile'; saved: QuietHours; version: number }
> {
  const { userId } = user;
  const { version, quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } = wish;
  const hours = { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone };
  return db.transaction(async (tx) => {
    const [saved] = await tx
      .update(smsPreferences)
      .set({
        ...hours,
        quietHoursVersion: sql`${smsPreferences.quietHoursVersion} + 1`,
        updatedAt: context.now,
      })
      .where(and(eq(smsPreferences.userId, userId), eq(smsPreferences.quietHoursVersion, version)))
      .returning({ version: smsPreferences.quietHoursVersion });
    if (!saved) {
      const stands = await requirePreferences(tx, userId);
      const now = pickQuietHours(stands);
      if (JSON.stringify(now) === JSON.stringify(hours)) {
        return { ok: true as const, version: stands.quietHoursVersion };
      }
      return {
        ok: false as const,
        reason: 'changed_meanwhile' as const,
        saved: now,
        version: stands.quietHoursVersion,
      };
    }
    await askGatesAgain(tx, { userId, now: context.now });
    await recordAudit(tx, { action: 'quiet_hours_changed', userId, details: hours }, context);
    return { ok: true as const, version: saved.version };
  });
}

export function pickQuietHours(preferences: Preferences): QuietHours {
  const { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } = preferences;
  return { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone };
}

function pickSwitches({ enabled, applicationStatus, reminders, security }: TextSwitches): TextSwitches {
  return { enabled, applicationStatus, reminders, security };
}

function sameSwitches(a: TextSwitches, b: TextSwitches): boolean {
  return a.enabled === b.enabled && textCategories.every((category) => a[category] === b[category]);
}

function changedMeanwhile(preferences: Preferences) {
  return {
    ok: false as const,
    reason: 'changed_meanwhile' as const,
    switches: pickSwitches(preferences),
    version: preferences.textsVersion,
  };
}

/** The same of an account that is known to exist, and so has a row. */
export async function requirePreferences(db: Db | Tx, userId: string): Promise<Preferences> {
  const preferences = await readPreferences(db, userId);
  if (preferences === null) throw new Error('An account has no row in sms_preferences');
  return preferences;
}

/** The one conditional UPDATE; `version` null writes whatever stands. */
async function writeSwitches(
  tx: Tx,
  userId: string,
  switches: TextSwitches,
  version: number | null,
  context: RequestContext,
): Promise<boolean> {
  const mine = eq(smsPreferences.userId, userId);
  const written = await tx
    .update(smsPreferences)
    .set({
      ...switches,
      textsVersion: sql`${smsPreferences.textsVersion} + 1`,
      updatedAt: context.now,
    })
    .where(version === null ? mine : and(mine, eq(smsPreferences.textsVersion, version)))
    .returning({ userId: smsPreferences.userId });
  if (written.length === 0) return false;
  await recordAudit(tx, { action: 'sms_preferences_changed', userId, details: switches }, context);
  return true;
}

type Agreement = { stands: boolean; current: boolean; staleStop: boolean };

async function readAgreement(
  tx: Tx,
  userId: string,
  number: NumberRow,
  { now }: RequestContext,
): Promise<Agreement> {
  const last = await readLastAct(tx, { userId, phone: number.number, scope: 'updates' });
  const stands = last !== null && last.action !== 'withdrawn';
  const byStop = last?.medium === 'sms_stop' || last?.medium === 'carrier_stop';
  const proven = number.holderUserId === userId ? number.heldSince : null;
  return {
    stands,
    current: stands && last.wordingVersion === currentWording.version,
    staleStop:
      !stands &&
      byStop &&
      last!.at.getTime() < now.getTime() - staleStopMs &&
      proven !== null &&
      proven <= last!.at,
  };
}

async function agreeToUpdates(
  tx: Tx,
  userId: string,
  number: NumberRow,
  { staleStop }: Agreement,
  context: RequestContext,
): Promise<{ ok: true; code: 'not_needed' | 'sent' | SendRefusal }> {
  const phone = number.number;
  const scopes = staleStop ? (['updates', 'verification'] as const) : (['updates'] as const);
  await grantConsent(tx, { userId, phone, scopes, medium: 'preferences' }, context);
  await takeBackOptOut(tx, { userId, phone }, context.now);
  if (!staleStop) {
    await confirmOptIn(tx, { userId, number, now: context.now });
    return { ok: true, code: 'not_needed' };
  }
  // Asked for by the holder, who they are until the number is released: no stranger has spent it.
  const request = await requestCode(tx, { userId, purpose: 'prove', number }, context);
  await releaseNumber(tx, phone, userId);
  return { ok: true, code: request.ok ? 'sent' : request };
}

/** At every number of this person, one that waits for its code included. */
async function stopUpdates(tx: Tx, userId: string, now: Date): Promise<void> {
  for (const phone of await findConsentedPhones(tx, userId)) {
    const withdrawn = await withdrawConsent(
      tx,
      { userId, phone, scopes: ['updates'], medium: 'preferences' },
      now,
    );
    if (withdrawn.length === 0) continue;
    await recordOptOut(tx, {
      phone,
      act: 'opted_out',
      covers: withdrawn,
      evidence: byPerson,
      userId,
      at: now,
    });
  }
  await cancelTexts(tx, { userId, purposes: ['update', 'test'] }, 'turned_off', now);
}

const byPerson = { recordedBy: 'person', sender: null, words: null, providerSid: null } as const;

/** Somebody who turned texts off on a page ticks the box again; what the number itself has said, only the number takes back. */
async function takeBackOptOut(
  tx: Tx,
  { userId, phone }: { userId: string; phone: string },
  now: Date,
): Promise<void> {
  const last = await readLastOptOut(tx, phone);
  if (last?.act !== 'opted_out' || last.userId !== userId) return;
  const covers = ['updates'] as const;
  await recordOptOut(tx, { phone, act: 'lifted', covers, evidence: byPerson, userId, at: now });
}

async function cancelCategory(tx: Tx, userId: string, category: TextCategory, now: Date): Promise<void> {
  const templates = categoryTemplates[category];
  if (templates.length > 0) await cancelTexts(tx, { userId, templates }, 'turned_off', now);
}
