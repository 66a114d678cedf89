import { sayWhen } from '@/app/_format/say-when';

/** Why the email is not changed after a reset, and when it can be. */
export function sayEmailStays(retryAt: Date, now: Date, timeZone: string | null): string {
  return `Your password was reset by email not long ago. To protect the account, your email stays as it is. You can change it ${sayWhen(retryAt, now, timeZone)}.`;
}
