import type { Db } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import type { User } from '@/lib/accounts/users';
import type { RequestContext } from '@/lib/context';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';

/** Whether a link is on its way; `retryAt`: when the next may go. */
export type EnrollMail =
  | { mailed: true }
  | { mailed: false; why: 'not_reached' }
  | { mailed: false; why: 'recovered_lately' | 'mail_limit'; retryAt: Date };

/**
 * Mails a link by which someone who must hold a second factor sets up their first, where a password alone may no longer. None is
 * `mailed` to an address that is not proven or has got as many as it may, nor within 72 hours of a password that was set by
 * mail: else whoever reads the mail could get in by that alone.
 */
export async function mailEnrollLink(db: Db, user: User, context: RequestContext): Promise<EnrollMail> {
  const { id: userId, email } = user;
  const { address: askedFrom, now } = context;
  if (!isReachedByMail(user)) return { mailed: false, why: 'not_reached' };
  const retryAt = frozenUntil(user, now);
  if (retryAt !== null) return { mailed: false, why: 'recovered_lately', retryAt };
  const counted = await takeHits(
    db,
    [{ keys: limitKeys('enroll_mail', [userId]), rules: limits.mailsPerSignIn }],
    now,
  );
  if (!counted.ok) return { mailed: false, why: 'mail_limit', retryAt: counted.retryAt };
  await enqueueLinkMail(db, { purpose: 'enroll', template: 'enrollFactor', userId, email, askedFrom, now });
  return { mailed: true };
}
