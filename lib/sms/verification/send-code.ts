import type { ConsentScope } from '@/db/schema/consent';
import type { Db } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { setPhone } from '@/lib/accounts/users';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { grantConsent, readStandingConsent, withdrawConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endChallenge } from './challenge';
import { tellOfNumber } from './change-phone';
import { readNumberMoment } from './new-number';
import { requestCode, type SendRefusal } from './request';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { lockNumber, lockNumbers } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { agreedToCodes, lockProver, type Prover } from './prover';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';

export type SendCodeRefusal =
  | SendRefusal
  | { reason: 'too_many_requests' | 'many_numbers'; retryAt: Date }
  | { reason: 'consent_missing' | 'changed_meanwhile'; retryAt: null };

/**
 * Sends the code again, or a first one to someone signed in who wants to prove their number. Refuses with the moment the
 * next is allowed, or with `consent_missing` where there is no consent to codes at this number (never given, or withdrawn
 * by a STOP long ago).
 */
export async function sendCode(
  db: Db,
  prover: Prover & { phone: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & SendCodeRefusal)> {
  const coarse = await takeAddressHit(db, 'send', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, prover.phone);
    if ((await lockProver(tx, prover)) === null) {
      return { ok: false as const, reason: 'changed_meanwhile' as const, retryAt: null };
    }
    if (!isOptedOut(number, 'verification') && !(await agreedToCodes(tx, prover))) {
      return { ok: false as const, reason: 'consent_missing' as const, retryAt: null };
    }
    const request = await requestCode(
      tx,
      { userId: prover.userId, purpose: prover.purpose, number },
      context,
    );
    return request.ok ? { ok: true as const } : request;
  });
}

/**
 * Takes another number in place of the one given, or a first one: consent moves to it by the box ticked again, the old
 * challenge and its waiting texts end, and a code goes out to the new number. Not for a number already proven, unless it is to be
 * proven again: changing that one takes the password.
 *
 * Out: `refusal` null when a code is on its way, or why not; `changed` whether it is another number than before, which it is either
 * way. What was asked for is counted (`settingsPerAccount`).
 */
export async function replacePendingPhone(
  db: Db,
  prover: Prover,
  phone: string,
  context: RequestContext,
): Promise<
  | { ok: true; refusal: SendRefusal | null; changed: boolean }
  | { ok: false; reason: 'number_proven' | 'changed_meanwhile' }
  | ({ ok: false } & (
      { reason: 'too_many_requests' | 'many_numbers' | 'recovered_lately'; retryAt: Date } | TooManyChanges
    ))
> {
  const { now } = context;
  const { userId, purpose } = prover;
  if (prover.changesFrom) return { ok: false, reason: 'number_proven' };
  const coarse = await takeAddressHit(db, 'send', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const hit = await takeSettingsHit(db, { userId, kind: 'phone' }, now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const replaced = await db.transaction(async (tx) => {
    const numbers = await lockNumbers(tx, [prover.phone, phone]);
    const account = await lockProver(tx, prover);
    if (account === null) return { ok: false as const, reason: 'changed_meanwhile' as const };
    const held = prover.phone === null ? null : numbers.get(prover.phone)!;
    const isAgain = prover.phone === phone && readDoubt(held) !== null;
    if (held?.holderUserId === userId && !isAgain) {
      return { ok: false as const, reason: 'number_proven' as const };
    }
    const frozen = account.activatedAt === null ? null : frozenUntil(account, now);
    if (frozen !== null && prover.phone !== null && prover.phone !== phone) {
      return { ok: false as const, reason: 'recovered_lately' as const, retryAt: frozen };
    }
    const nextNumberAt = await readNumberMoment(tx, { userId, phone }, now);
    if (nextNumberAt !== null) {
      return { ok: false as const, reason: 'many_numbers' as const, retryAt: nextNumberAt };
    }
    const scopes = new Set<ConsentScope>(['verification']);
    if (prover.phone !== null && prover.phone !== phone) {
      const earlier = { userId, phone: prover.phone };
      if ((await readStandingConsent(tx, earlier)).has('updates')) scopes.add('updates');
      await withdrawConsent(
        tx,
        { ...earlier, scopes: ['verification', 'updates'], medium: 'code_page' },
        now,
      );
      await endChallenge(tx, userId, 'number_changed', now);
      await cancelTexts(tx, { userId, phone: prover.phone }, 'number_changed', now);
    }
    if (prover.phone !== phone) {
      // Someone who is registering knows it.
      if (purpose === 'prove') await tellOfNumber(tx, account, context);
      await setPhone(tx, userId, phone);
    }
    await grantConsent(tx, { userId, phone, scopes: [...scopes], medium: 'code_page' }, context);
    const request = await requestCode(tx, { userId, purpose, number: numbers.get(phone)! }, context);
    return { ok: true as const, refusal: request.ok ? null : request, changed: prover.phone !== phone };
  });
  if (!replaced.ok) await hit.refund();
  return replaced;
}
