import type { Tx } from '@/db/client';
import type { User } from '@/lib/accounts/users';
import { readStandingConsent } from '@/lib/consent/ledger';
import { linkPage, makeLink } from '@/lib/mail/links';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber, readUndeliverable } from '@/lib/sms/numbers/number';
import { cancelTexts, enqueueText } from '@/lib/sms/outbox/text-outbox';
import { provenWithinDays } from './send-recovery-codes';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';

/**
 * The number at which a text can ask someone whether they lost their second factor: one that they proved within 90 days and hold
 * still, that is not in doubt, that took no STOP, and whose texts they agreed to. Null: there is none, or they are an admin, whose account no number
 * opens (docs/decisions/0020).
 */
export async function findResetPhone(
  tx: Tx,
  { id: userId, role, phone }: Pick<User, 'id' | 'role' | 'phone'>,
  now: Date,
): Promise<string | null> {
  if (role === 'admin' || phone === null) return null;
  const number = await readNumber(tx, phone);
  const since = now.getTime() - provenWithinDays * 24 * 3600 * 1000;
  if (number?.holderUserId !== userId || number.heldSince === null || number.heldSince.getTime() <= since) {
    return null;
  }
  if (isOptedOut(number, 'notice') || readUndeliverable(number, now) !== null) return null;
  if (readDoubt(number) !== null) return null;
  return (await readStandingConsent(tx, { userId, phone })).size > 0 ? phone : null;
}

/**
 * Texts someone the link by which they replace the second factor that they lost; one that waits is withdrawn. The send policy asks
 * everything again. It goes out in quiet hours, too: the person is waiting for it. In: `details`, which the link keeps. The link
 * works as long as they hold the number, and the row of the text holds no token.
 */
export async function textResetFactors(
  tx: Tx,
  { id: userId, email }: Pick<User, 'id' | 'email'>,
  { phone, details }: { phone: string; details: Record<string, string | null> },
  now: Date,
): Promise<void> {
  await cancelTexts(tx, { userId, templates: ['resetFactors'] }, 'replaced', now);
  const link = await makeLink(tx, {
    purpose: 'enroll',
    userId,
    email,
    details: { ...details, phone },
    now,
  });
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'notice',
    template: 'resetFactors',
    params: {
      url: linkPage('enroll'),
      linkId: link.id,
      linkNonce: link.nonce.toString('base64url'),
    },
    sendAfter: now,
    expiresAt: link.expiresAt,
    now,
  });
}
