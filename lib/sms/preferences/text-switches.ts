import { lockNumbers, readNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { findConsentedPhones, judgeConsent, readLastAct, withdrawConsent } from '@/lib/consent/ledger';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import type { Db, Tx } from '@/db/client';
import { requirePreferences, type TextSwitches, type Preferences } from './preferences';
import type { RequestContext } from '@/lib/context';
import { confirmOptIn } from '@/lib/sms/outbox/confirm-opt-in';
import { categoryTemplates, textCategories, type TextCategory } from './categories';
import { readAgreement, agreeToUpdates, byPerson } from './updates-consent';
import type { SendRefusal } from '@/lib/sms/verification/request';
import { smsPreferences } from '@/db/schema/sms';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { recordAudit } from '@/lib/audit';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { eq, sql, and } from 'drizzle-orm';
import { recordOptOut } from '@/lib/consent/opt-out-ledger';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';

export type TextsState = {
  /** What is saved; `enabled` may be on while texts cannot go out for want of consent, proof, or after a STOP. */
  switches: TextSwitches;
  version: number;
  /** Whether there is consent to updates at this number, to the operator of today, and whether to the present wording. */
  consent: 'none' | 'standing' | 'earlier_wording';
  /** The number has opted out by STOP; only START undoes that. */
  stopped: boolean;
};

/** What is saved and agreed to for this person and number. */
export async function readTextsState(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string | null },
): Promise<TextsState> {
  const preferences = await requirePreferences(db, userId);
  return judgeTexts(preferences, await readUpdatesConsent(db, { userId, phone }));
}

/**
 * What decides about updates to this person at this number, consent first: a STOP withdraws consent and marks the number at
 * once, so whoever reads in this order and meets a STOP in between still sees it.
 */
export async function readUpdatesConsent(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string | null },
): Promise<{ consent: TextsState['consent']; number: NumberRow | null }> {
  if (phone === null) return { consent: 'none', number: null };
  const consent = judgeConsent(await readLastAct(db, { userId, phone, scope: 'updates' }));
  return { consent, number: await readNumber(db, phone) };
}

/** The state of texts, pure: what follows from what is saved, the consent, and the row of the number. */
export function judgeTexts(
  preferences: Preferences,
  { consent, number }: { consent: TextsState['consent']; number: NumberRow | null },
): TextsState {
  return {
    switches: pickSwitches(preferences),
    version: preferences.textsVersion,
    consent,
    stopped: isOptedOut(number, 'update'),
  };
}

export type SaveTextsRefusal =
  | Busy
  | TooManyChanges
  | { reason: 'no_phone' | 'stopped' | 'consent_missing' }
  /** Another page saved something else since: what is saved now, and its version. */
  | { reason: 'changed_meanwhile'; switches: TextSwitches; version: number };

/**
 * Saves the switches, if nobody saved others since `version`.
 *
 * Turning texts on takes consent to updates, on the wording in force and at the number the person has now, or
 * `agreed`, which is recorded. Where a STOP older than 90 days ended it, the number has to be proven again: `codeSent`
 * then says that a code is on its way, or why not. Turning off is recorded in the ledger and withdraws what waits; it is
 * always allowed. Other changes are counted (`settingsPerAccount`). What changes nothing writes nothing and does not count.
 */
export async function saveTexts(
  db: Db,
  user: { userId: string; phone: string | null },
  wish: { switches: TextSwitches; version: number; agreed: boolean },
  context: RequestContext,
): Promise<{ ok: true; code: 'not_needed' | 'sent' | SendRefusal } | ({ ok: false } & SaveTextsRefusal)> {
  const { userId, phone } = user;
  const { switches } = wish;
  const hit = await takeSettingsHit(db, { userId, kind: 'preferences' }, context.now);
  let counts = false;
  const save = async (tx: Tx) => {
    const others = switches.enabled ? [] : await findConsentedPhones(tx, userId);
    const number = (await lockNumbers(tx, [phone, ...others])).get(phone ?? '') ?? null;
    const before = await requirePreferences(tx, userId);
    const same = sameSwitches(before, switches);
    const agreement =
      switches.enabled && number !== null ? await readAgreement(tx, userId, number, context) : null;
    if (before.textsVersion !== wish.version && !same) return changedMeanwhile(before);
    if (switches.enabled) {
      if (number === null) return { ok: false as const, reason: 'no_phone' as const };
      const turnsOn = !before.enabled || !agreement!.exists;
      if (turnsOn && isOptedOut(number, 'update')) return { ok: false as const, reason: 'stopped' as const };
      if (turnsOn && !agreement!.current && !wish.agreed) {
        return { ok: false as const, reason: 'consent_missing' as const };
      }
    }
    const agrees = switches.enabled && wish.agreed && !agreement!.current;
    const turnsOff = before.enabled && !switches.enabled;
    counts = agrees || (!same && !turnsOff);
    if (counts && !hit.ok) {
      return { ok: false as const, reason: 'too_many_changes' as const, retryAt: hit.retryAt };
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
    if (agrees) return agreeToUpdates(tx, userId, number!, agreement!, context);
    if (!before.enabled) await confirmOptIn(tx, { userId, number: number!, now: context.now });
    return { ok: true as const, code: 'not_needed' as const };
  };
  const saved = await unlessHeld(() => db.transaction(save));
  if (hit.ok && !(saved.ok && counts)) await hit.refund();
  return saved;
}

/**
 * Turns every update off, whatever else was saved meanwhile: off is never refused. What waits is withdrawn. Where texts are
 * off already, nothing is written down. The person's numbers are locked, so that a STOP at the same moment withdraws nothing twice.
 */
export async function turnTextsOff(db: Db, user: { userId: string }, context: RequestContext): Promise<void> {
  const { userId } = user;
  await db.transaction(async (tx) => {
    const { locked: before } = await lockPerson(
      tx,
      userId,
      await findConsentedPhones(tx, userId),
      async () => {
        const [row] = await tx
          .select()
          .from(smsPreferences)
          .where(eq(smsPreferences.userId, userId))
          .for('update');
        return row;
      },
    );
    if (before?.enabled) {
      const switches = { ...pickSwitches(before), enabled: false };
      await writeSwitches(tx, userId, switches, before.textsVersion, context);
    }
    await stopUpdates(tx, userId, context.now);
  });
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

/** The one conditional UPDATE. */
async function writeSwitches(
  tx: Tx,
  userId: string,
  switches: TextSwitches,
  version: number,
  context: RequestContext,
): Promise<boolean> {
  const written = await tx
    .update(smsPreferences)
    .set({
      ...switches,
      textsVersion: sql`${smsPreferences.textsVersion} + 1`,
      updatedAt: context.now,
    })
    .where(and(eq(smsPreferences.userId, userId), eq(smsPreferences.textsVersion, version)))
    .returning({ userId: smsPreferences.userId });
  if (written.length === 0) return false;
  await recordAudit(tx, { action: 'sms_preferences_changed', userId, details: switches }, context);
  return true;
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

async function cancelCategory(tx: Tx, userId: string, category: TextCategory, now: Date): Promise<void> {
  const templates = categoryTemplates[category];
  if (templates.length > 0) await cancelTexts(tx, { userId, templates }, 'turned_off', now);
}
