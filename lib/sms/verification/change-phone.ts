import type { ConsentScope } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { isEnrolled, readFactors } from '@/lib/accounts/factors';
import { refuseStill, type RecoveredLately } from '@/lib/accounts/refuse-still';
import { setPhone, type User } from '@/lib/accounts/users';
import { lockUser } from '@/lib/accounts/lock-users';
import { endPendingTokens } from '@/lib/accounts/pending';
import { recordAudit } from '@/lib/audit';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { tellOwner } from '@/lib/mail/tell-owner';
import { grantConsent, readStandingConsent, withdrawConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endChallenge, isOpen, readLastChallenge, type Challenge } from './challenge';
import { readNumberMoment } from './new-number';
import { requestCode, type SendRefusal } from './request';
import { releaseNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { noticeRemoval } from '@/lib/sms/outbox/removal-notice';

/** Whose number it is, with the number as the person saw it when they decided, and the session that they did it in. */
export type NumberOwner = { userId: string; sessionId: string; phone: string | null };

/** A change may be finished for this long after it was asked for; then it takes the password again. */
const changeableForMs = 24 * 3600 * 1000;

const bothScopes: readonly ConsentScope[] = ['verification', 'updates'];

export type ChangeRefusal =
  | SendRefusal
  | TooManyChanges
  | RecoveredLately
  | { reason: 'same_number' | 'changed_meanwhile'; retryAt: null }
  | { reason: 'not_open'; retryAt: null }
  | { reason: 'too_many_requests' | 'many_numbers'; retryAt: Date };

/**
 * Asks for a code to the number that is to take the place of this person's, with consent to texts at it by the box ticked
 * for it. A number they have proven keeps working until the code is right; one never proven is replaced at once. An open
 * challenge for another number dies, with its waiting text. A refusal changes nothing and does not count
 * (`settingsPerAccount`). A number that is there stays for 72 hours after a reset; where there is none yet, nobody loses it, and
 * it may be added at any time.
 *
 * The caller has checked the password (OWASP ASVS 5.0 7.5.1). The session is read again under the lock, since it may be over by
 * then.
 */
export async function startPhoneChange(
  db: Db,
  owner: NumberOwner,
  phone: string,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ChangeRefusal)> {
  const { userId } = owner;
  const { now } = context;
  const coarse = await takeAddressHit(db, 'send', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const hit = await takeSettingsHit(db, { userId, kind: 'phone' }, now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const start = async (tx: Tx) => {
    const { locked: user, numbers } = await lockPerson(tx, userId, [owner.phone, phone], () =>
      lockUser(tx, userId),
    );
    const current = owner.phone;
    const frozen = current === null ? null : (user?.recoveredAt ?? null);
    const ended = await refuseStill(tx, owner, { recoveredAt: frozen }, now);
    if (ended !== null) return { ok: false as const, retryAt: null, ...ended };
    if (user?.phone !== current) return refuse('changed_meanwhile');
    const holdsCurrent = current !== null && numbers.get(current)!.holderUserId === userId;
    if (holdsCurrent && current === phone) return refuse('same_number');

    const nextNumberAt = await readNumberMoment(tx, { userId, phone }, now);
    if (nextNumberAt !== null) {
      return { ok: false as const, reason: 'many_numbers' as const, retryAt: nextNumberAt };
    }

    const last = await readLastChallenge(tx, userId, now);
    const request = await requestCode(tx, { userId, purpose: 'prove', number: numbers.get(phone)! }, context);
    if (!request.ok) return request;

    const scopes = new Set<ConsentScope>(['verification']);
    if (current !== null && (await readStandingConsent(tx, { userId, phone: current })).has('updates')) {
      scopes.add('updates');
    }
    if (last !== null && last.phone !== phone) {
      await cancelTexts(tx, { challengeId: last.id }, 'number_changed', now);
      if (last.phone !== current) {
        await withdrawConsent(
          tx,
          { userId, phone: last.phone, scopes: bothScopes, medium: 'number_removed' },
          now,
        );
      }
    }
    if (!holdsCurrent) {
      if (current !== null && current !== phone) {
        await withdrawConsent(
          tx,
          { userId, phone: current, scopes: bothScopes, medium: 'number_removed' },
          now,
        );
        await cancelTexts(tx, { userId, phone: current }, 'number_changed', now);
      }
      if (current !== phone) await tellOfNumber(tx, user, context);
      await setPhone(tx, userId, phone);
    }
    await grantConsent(tx, { userId, phone, scopes: [...scopes], medium: 'preferences' }, context);
    await recordAudit(tx, { action: 'phone_change_requested', userId }, context);
    return { ok: true as const };
  };
  const started = await db.transaction(start).catch(async (error: unknown) => {
    await hit.refund().catch(() => undefined);
    throw error;
  });
  if (!started.ok) await hit.refund();
  return started;
}

export type RemovalRefusal =
  RecoveredLately | { reason: 'no_number' | 'changed_meanwhile' | 'last_factor' | 'not_open' };

/**
 * Takes the number off a person's account, and any that waits to take its place: nobody's proof holds, consent and waiting
 * texts end, open challenges die, and the number is told once. The caller has checked the password. Never refused for want of
 * a turn: each number had to be added, and that is counted. Refused as `startPhoneChange` by a session that is over and after a
 * reset. `last_factor`: codes to it are all that the role's second factor is.
 */
export async function removePhone(
  db: Db,
  owner: NumberOwner,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & RemovalRefusal)> {
  const { userId, phone } = owner;
  if (phone === null) return { ok: false, reason: 'no_number' };
  return db.transaction(async (tx) => {
    const { locked: user, numbers } = await lockPerson(tx, userId, [phone], () => lockUser(tx, userId));
    const ended = await refuseStill(tx, owner, user, context.now);
    if (ended !== null) return { ok: false as const, ...ended };
    if (user?.phone !== phone) return { ok: false as const, reason: 'changed_meanwhile' as const };
    const held = await readFactors(tx, userId);
    if (held.sms && !isEnrolled(user.role, { ...held, sms: false })) {
      return { ok: false as const, reason: 'last_factor' as const };
    }
    // Nor is a code to it heard that was given in a second step just now.
    if (held.sms) await endPendingTokens(tx, userId);
    await tellOwner(tx, { template: 'phoneChanged', before: user }, context);
    await takePhoneOff(tx, { userId, phone }, numbers, context);
    return { ok: true as const };
  });
}

/** The same in the caller's transaction, which has locked the person with all their `numbers` (`lockPerson`). */
export async function takePhoneOff(
  tx: Tx,
  { userId, phone }: { userId: string; phone: string },
  numbers: ReadonlyMap<string, NumberRow>,
  context: RequestContext,
): Promise<void> {
  const held = numbers.get(phone)!.holderUserId === userId;
  await endChange(tx, { userId, phone }, context);
  await endChallenge(tx, userId, 'number_changed', context.now);
  await releaseNumber(tx, phone, userId);
  await endUseOfNumber(tx, { userId, phone }, context);
  await setPhone(tx, userId, null);
  if (held) await noticeRemoval(tx, { userId, phone, replaced: false, now: context.now });
  await recordAudit(tx, { action: 'phone_removed', userId }, context);
}

/**
 * Tells an account's owner that it gets a number that nothing proves yet, its first or in the place of such a one. `before`: the
 * account without it, so that "This was not me" takes the number off again.
 */
export async function tellOfNumber(tx: Tx, before: User, context: RequestContext): Promise<void> {
  await tellOwner(tx, { template: before.phone === null ? 'phoneAdded' : 'phoneChanged', before }, context);
}

/** Keeps the proven number after all: the challenge of the one that was to take its place dies, with consent to it. */
export async function cancelPhoneChange(db: Db, owner: NumberOwner, context: RequestContext): Promise<void> {
  const { userId } = owner;
  await db.transaction(async (tx) => {
    await lockPerson(tx, userId, [], () => lockUser(tx, userId));
    if ((await refuseStill(tx, owner, { recoveredAt: null }, context.now)) !== null) return;
    if (!(await endChange(tx, owner, context))) return;
    await recordAudit(tx, { action: 'phone_change_canceled', userId }, context);
  });
}

/** The number that waits for its code to take the place of a proven one; null: none does. */
export async function readPhoneChange(
  db: Db | Tx,
  { userId, phone }: Omit<NumberOwner, 'sessionId'>,
  now: Date,
): Promise<{ phone: string; open: boolean } | null> {
  return phone === null ? null : judgePhoneChange(await readLastChallenge(db, userId, now), phone, now);
}

/** The same, pure: what a person's last challenge says about the number `phone` that they have. */
export function judgePhoneChange(
  last: Challenge | null,
  phone: string,
  now: Date,
): { phone: string; open: boolean } | null {
  if (last === null || last.purpose !== 'prove' || last.phone === phone) return null;
  if (last.consumedAt !== null || last.endedAt !== null) return null;
  if (last.createdAt.getTime() < now.getTime() - changeableForMs) return null;
  return { phone: last.phone, open: isOpen(last, now) };
}

async function endChange(
  tx: Tx,
  owner: Omit<NumberOwner, 'sessionId'>,
  context: RequestContext,
): Promise<boolean> {
  const { userId } = owner;
  const change = await readPhoneChange(tx, owner, context.now);
  if (change === null) return false;
  await endChallenge(tx, userId, 'number_changed', context.now);
  await endUseOfNumber(tx, { userId, phone: change.phone }, context);
  return true;
}

async function endUseOfNumber(
  tx: Tx,
  { userId, phone }: { userId: string; phone: string },
  { now }: RequestContext,
): Promise<void> {
  await cancelTexts(tx, { userId, phone, isWarning: false }, 'number_changed', now);
  await withdrawConsent(tx, { userId, phone, scopes: bothScopes, medium: 'number_removed' }, now);
}

function refuse(reason: 'same_number' | 'changed_meanwhile') {
  return { ok: false as const, reason, retryAt: null };
}
