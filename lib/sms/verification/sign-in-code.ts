import { eq, sql } from 'drizzle-orm';
import { signInCodes } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { newId, newNonce } from '@/lib/random';
import { limits } from '@/lib/rate-limits/limits';
import { markAddress } from '@/lib/sms/capacity/asked-from';
import { provenAgain } from '@/lib/sms/numbers/doubt';
import { lockNumber, readUndeliverable, takeSend } from '@/lib/sms/numbers/number';
import { noteEnteredCode } from '@/lib/sms/outbox/entered-codes';
import { isCodeInLine } from '@/lib/sms/outbox/due-texts';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { codesOf, isOpen, ofSignIn, readNextSend } from './challenge';
import { codeMatches } from './code';
import { logVerification } from './verification-log';
import { isOptedOut, stopsCodes } from '@/lib/sms/numbers/opted-out';
import { readStarts } from '@/lib/sms/numbers/read-starts';
import { grantConsent, hasConsent } from '@/lib/consent/ledger';

/** Why no code for signing in goes out now. `retryAt`: when the next may; null: not by waiting. */
export type SignInCodeRefusal =
  | { reason: 'not_held' | 'no_consent' | 'undeliverable' | 'too_soon' | 'send_limit'; retryAt: Date | null }
  /** `startPhone`: the number to text START to; null: it is not known. */
  | { reason: 'stopped'; retryAt: null; startPhone: string | null };

/**
 * Texts a person a code that is their second factor, to the number that they hold: in the class `sign_in`, whose sends no
 * stranger spends. The same code goes out again while at least three minutes of it remain. Refusals cost nothing.
 *
 * Consent to codes that a STOP has ended is asked for again (`no_consent`): where its box was ticked at the present wording, on
 * the page `agreedOn`, that is recorded, and the code goes out.
 */
export async function sendSignInCode(
  db: Db,
  { userId, phone, agreedOn = null }: { userId: string; phone: string; agreedOn?: string | null },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & SignInCodeRefusal)> {
  const { now } = context;
  const { appUrl, authSecrets } = env();
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, phone);
    if (number.holderUserId !== userId) return refuse('not_held');
    if (isOptedOut(number, 'verification')) {
      const start = (await readStarts(tx, number)).find(({ lifts }) => stopsCodes(lifts));
      return {
        ok: false as const,
        reason: 'stopped' as const,
        retryAt: null,
        startPhone: start?.phone ?? null,
      };
    }
    const undeliverable = readUndeliverable(number, now);
    if (undeliverable !== null) return refuse('undeliverable', undeliverable.until);
    const hasAgreed = await hasConsent(tx, { userId, phone, scope: 'verification' });
    if (!hasAgreed && agreedOn === null) return refuse('no_consent');
    const last = await readCode(tx, userId);
    const open = last !== null && last.phone === phone && isOpen(ofSignIn(last), now) ? last : null;
    const nextAt = open && readNextSend(open, now);
    if (nextAt !== null) return refuse('too_soon', nextAt);
    const leftMs = open === null ? 0 : open.expiresAt.getTime() - now.getTime();
    const kept = leftMs >= limits.sameCodeMinimumSeconds * 1000 ? open : null;
    const isOnItsWay = kept !== null && (await isCodeInLine(tx, kept.id, now));
    const send = isOnItsWay ? null : await takeSend(tx, number, 'sign_in', now);
    if (send?.ok === false) return refuse('send_limit', send.retryAt);
    if (!hasAgreed && agreedOn !== null) {
      const consent = { userId, phone, scopes: ['verification'], medium: 'second_factor' } as const;
      await grantConsent(tx, { ...consent, page: agreedOn }, context);
    }
    const code = kept ?? { id: newId(), expiresAt: new Date(now.getTime() + limits.codeTtlSeconds * 1000) };
    if (kept !== null)
      await tx.update(signInCodes).set({ lastSentAt: now }).where(eq(signInCodes.id, kept.id));
    else {
      const fresh = { ...code, phone, nonce: newNonce(), lastSentAt: now, consumedAt: null };
      await tx
        .insert(signInCodes)
        .values({ ...fresh, userId })
        .onConflictDoUpdate({ target: signInCodes.userId, set: fresh });
    }
    if (send === null) return { ok: true as const };
    const askedFrom = markAddress(authSecrets[0], context.address);
    await enqueueText(tx, {
      userId,
      phone,
      purpose: 'verification',
      template: 'verification',
      params: { host: appUrl.hostname },
      challengeId: code.id,
      countedAt: send.countedAt,
      sendClass: 'sign_in',
      ...askedFrom,
      sendAfter: now,
      expiresAt: code.expiresAt,
      now,
    });
    const about = { userId, phone, challengeId: code.id, network: askedFrom.network, reason: 'sign_in' };
    await logVerification(tx, 'send_requested', about, context);
    return { ok: true as const };
  });
}

function refuse(reason: Exclude<SignInCodeRefusal['reason'], 'stopped'>, retryAt: Date | null = null) {
  return { ok: false as const, reason, retryAt };
}

/**
 * Whether a code is the one that a person was texted, and still holds the number it went to. It is right once: one conditional
 * UPDATE decides, which locks the number first; who has locked the person has locked the number before. Wrong ones are counted by
 * the caller.
 */
export async function checkSignInCode(
  db: Db | Tx,
  { userId, code }: { userId: string; code: string },
  now: Date,
): Promise<boolean> {
  const stored = await readCode(db, userId);
  const source = stored && ofSignIn(stored);
  if (source === null || !isOpen(source, now) || !codeMatches(code, codesOf(source))) return false;
  const at = timestamp(now);
  const { rows } = await db.execute(sql`
    with held as materialized (
      select number from phone_numbers where number = ${source.phone} and holder_user_id = ${userId} for no key update
    ), used as (
      update sign_in_codes set consumed_at = ${at}
      where id = ${source.id} and consumed_at is null and expires_at > ${at} and exists (select from held)
      returning id, phone
    ), proven as (
      update phone_numbers set ${provenAgain(now)} from used where phone_numbers.number = used.phone
    ), entered as (${noteEnteredCode(sql`select id from used`, now)})
    select from used`);
  return rows.length > 0;
}

/** Whether a code that a person was texted can still be right. */
export async function hasOpenSignInCode(db: Db, userId: string, now: Date): Promise<boolean> {
  const code = await readCode(db, userId);
  return code !== null && isOpen(ofSignIn(code), now);
}

/** Removes codes that are over, `limit` at most. Out: how many. */
export async function pruneSignInCodes(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from sign_in_codes where id = any(array(
      select id from sign_in_codes where expires_at < ${timestamp(now)}
      order by expires_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

async function readCode(db: Db | Tx, userId: string): Promise<typeof signInCodes.$inferSelect | null> {
  const [code] = await db.select().from(signInCodes).where(eq(signInCodes.userId, userId));
  return code ?? null;
}
