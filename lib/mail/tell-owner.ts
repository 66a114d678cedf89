import type { Tx } from '@/db/client';
import type { User } from '@/lib/accounts/users';
import type { RequestContext } from '@/lib/context';
import { enqueueLinkMail, isMailOn } from '@/lib/mail/outbox';
import type { NoticeTemplate } from '@/lib/mail/templates';

/** Whether news of an account reach its owner by mail: the address is proven, and mail goes out. */
export function isReachedByMail({ emailProvenAt }: Pick<User, 'emailProvenAt'>): boolean {
  return emailProvenAt !== null && isMailOn();
}

/**
 * Tells the owner of an account by mail what happened to it, at the address that it had until then, if that was proven: news
 * goes to no other. For seven days the mail's link, "This was not me", ends every session and puts email and number back
 * (`undoChanges`). `before`: the account as it was. `event`: what happened to a second factor, or what else a reset did, in words of
 * ours. The address is that of the request that changed the account: see `turnOfNotice`.
 */
export async function tellOwner(
  tx: Tx,
  { template, event, before }: { template: NoticeTemplate; event?: string; before: User },
  { now, address }: Pick<RequestContext, 'now' | 'address'>,
): Promise<void> {
  if (!isReachedByMail(before)) return;
  const { id: userId, email, phone, smsFactorSince } = before;
  const details = { phone, smsSince: smsFactorSince?.toISOString() ?? null };
  const params: Record<string, string> = event === undefined ? {} : { event };
  await enqueueLinkMail(tx, {
    purpose: 'not_me',
    template,
    userId,
    email,
    params,
    details,
    askedFrom: address,
    now,
  });
}
