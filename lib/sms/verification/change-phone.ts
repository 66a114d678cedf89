import type { ConsentScope } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { setPhone } from '@/lib/accounts/users';
import { lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { grantConsent, readStandingConsent, withdrawConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endChallenge, isOpen, readLastChallenge } from './challenge';
import { requestCode, type SendRefusal } from './request';
import { releaseNumber } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/outbox';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { noticeRemoval } from '@/lib/sms/outbox/removal-notice';

/** Whose number it is, with the number as the person saw it when they decided. */
export type NumberOwner = { userId: string; phone: string | null };

/** A change may be finished for this long after it was asked for; then it takes the password again. */
const changeableForMs = 24 * 3600 * 1000;

const bothScopes: readonly ConsentScope[] = ['verification', 'updates'];

export type ChangeRefusal =
  | SendRefusal
  | { reason: 'same_number' | 'changed_meanwhile'; retryAt: null }
  | { reason: 'too_many_requests'; retryAt: Date };

/**
 * Asks for a code to the number that is to take the place of this person's, with consent to texts at it by the box ticked
 * for it. A number they have proven keeps working until the code is right; one never proven is replaced at once. An open
 * challenge for another number dies, with its waiting text. A refusal changes nothing.
 *
 * The caller has checked the password (OWASP ASVS 5.0 7.5.1).
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
  return db.transaction(async (tx) => {
    const { locked: user, numbers } = await lockPerson(tx, userId, [owner.phone, phone], () =>
      lockUser(tx, userId),
    );
    if (user?.phone !== owner.phone) return refuse('changed_meanwhile');
    const current = owner.phone;
    const holdsCurrent = current !== null && numbers.get(current)!.holderUserId === userId;
    if (holdsCurrent && current === phone) return refuse('same_number');

    const last = await readLastChallenge(tx, userId);
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
      await setPhone(tx, userId, phone);
    }
    await grantConsent(tx, { userId, phone, scopes: [...scopes], medium: 'preferences' }, context);
    await recordAudit(tx, { action: 'phone_change_requested', userId }, context);
    return { ok: true as const };
  });
}

/**
 * Takes the number off a person's account, and any that waits to take its place: nobody's proof holds, consent and waiting
 * texts end, open challenges die, and the number is told once. The caller has checked the password.
 */
export async function removePhone(
  db: Db,
  owner: NumberOwner,
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: 'no_number' | 'changed_meanwhile' }> {
  const { userId, phone } = owner;
  if (phone === null) return { ok: false, reason: 'no_number' };
  return db.transaction(async (tx) => {
    const { locked: user, numbers } = await lockPerson(tx, userId, [phone], () => lockUser(tx, userId));
    if (user?.phone !== phone) return { ok: false as const, reason: 'changed_meanwhile' as const };
    const held = numbers.get(phone)!.holderUserId === userId;
    await endChange(tx, owner, context);
    await endChallenge(tx, userId, 'number_changed', context.now);
    await releaseNumber(tx, phone, userId);
    await endUseOfNumber(tx, { userId, phone }, context);
    await setPhone(tx, userId, null);
    if (held) await noticeRemoval(tx, { userId, phone, replaced: false, now: context.now });
    await recordAudit(tx, { action: 'phone_removed', userId }, context);
    return { ok: true as const };
  });
}

/** Keeps the proven number after all: the challenge of the one that was to take its place dies, with consent to it. */
export async function cancelPhoneChange(db: Db, owner: NumberOwner, context: RequestContext): Promise<void> {
  const { userId } = owner;
  await db.transaction(async (tx) => {
    await lockPerson(tx, userId, [], () => lockUser(tx, userId));
    if (!(await endChange(tx, owner, context))) return;
    await recordAudit(tx, { action: 'phone_change_canceled', userId }, context);
  });
}

/** The number that waits for its code to take the place of a proven one; null: none does. */
export async function readPhoneChange(
  db: Db | Tx,
  { userId, phone }: NumberOwner,
  now: Date,
): Promise<{ phone: string; open: boolean } | null> {
  if (phone === null) return null;
  const last = await readLastChallenge(db, userId);
  if (last === null || last.purpose !== 'prove' || last.phone === phone) return null;
  if (last.consumedAt !== null || last.endedAt !== null) return null;
  if (last.createdAt.getTime() < now.getTime() - changeableForMs) return null;
  return { phone: last.phone, open: isOpen(last, now) };
}

async function endChange(tx: Tx, owner: NumberOwner, context: RequestContext): Promise<boolean> {
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
  await cancelTexts(tx, { userId, phone }, 'number_changed', now);
  await withdrawConsent(tx, { userId, phone, scopes: bothScopes, medium: 'number_removed' }, now);
}

function refuse(reason: 'same_number' | 'changed_meanwhile') {
  return { ok: false as const, reason, retryAt: null };
}
