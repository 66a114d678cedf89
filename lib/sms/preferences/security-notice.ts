import type { Tx } from '@/db/client';
import type { User } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { readNumber } from '@/lib/sms/numbers/number';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { readPreferences, wantsTemplate } from './preferences';

/** Words that follow the name of the site and "security:". */
export type SecurityEvent =
  | 'your password was changed'
  | 'your password was reset'
  | 'your email was changed'
  | 'a passkey was added'
  | 'a passkey was removed'
  | 'an authenticator app was set up'
  | 'your authenticator app was removed'
  | 'codes by text were turned on'
  | 'codes by text were turned off'
  | 'new recovery codes were made'
  | 'a recovery code was used'
  | 'many wrong codes were entered'
  | 'your second factors were removed';

/** What may happen many times a day. Whatever is not named here is a warning that has to arrive. */
const everyday: readonly SecurityEvent[] = [
  'a passkey was added',
  'a passkey was removed',
  'an authenticator app was set up',
  'your authenticator app was removed',
  'codes by text were turned on',
  'codes by text were turned off',
  'new recovery codes were made',
  'a recovery code was used',
  'many wrong codes were entered',
];

/**
 * Whether a notice tells of something that may happen many times a day, such as a factor that was added. Those leave a part of the cap
 * of notices to the others (`capsOf`): else whoever has a password uses it up before they change that.
 */
export function isEverydayNotice({ template, params }: { template: string; params: unknown }): boolean {
  if (template !== 'securityNotice') return false;
  const event = typeof params === 'object' && params !== null && 'event' in params ? params.event : null;
  return everyday.some((each) => each === event);
}

/**
 * Tells a person by text what happened to their account, at a number that they have proven; the send policy asks everything
 * again. Where mail tells them, too, only if they want such texts. Where no mail reaches them, this is the only way to hear of
 * it: it goes out whatever their switches say, and in quiet hours (`isUrgent` in send-policy.ts), for a day. No text passes a
 * STOP.
 */
export async function noticeSecurity(
  tx: Tx,
  user: Pick<User, 'id' | 'phone' | 'emailProvenAt'>,
  event: SecurityEvent,
  now: Date,
): Promise<void> {
  const { id: userId, phone } = user;
  if (phone === null || (await readNumber(tx, phone))?.holderUserId !== userId) return;
  const isOnlyWay = !isReachedByMail(user);
  if (!isOnlyWay && !wantsTemplate(await readPreferences(tx, userId), 'securityNotice')) return;
  await enqueueText(tx, {
    userId,
    phone,
    purpose: isOnlyWay ? 'notice' : 'update',
    template: 'securityNotice',
    params: { event, url: new URL('/users/security', env().appUrl).href },
    sendAfter: now,
    expiresAt: isOnlyWay ? new Date(now.getTime() + 24 * 3600 * 1000) : null,
    now,
  });
}
