import { sql, type SQL } from 'drizzle-orm';
import type { PendingPurpose } from '@/db/schema/accounts';
import { believedAheadMs } from '@/lib/stored-moment';

const minute = 60;

/** How long a pending token lives at most, and how long without use. */
const lives: Record<PendingPurpose, { maxAge: number; idle: number }> = {
  activation: { maxAge: 24 * 60 * minute, idle: 30 * minute },
  second_factor: { maxAge: 10 * minute, idle: 10 * minute },
};

/** The longest that any pending token lives. */
export const pendingMaxAgeSeconds = lives.activation.maxAge;

/** How long a pending token of a purpose lives at most, and how long without use, in seconds. */
export function pendingLife(purpose: PendingPurpose): { maxAge: number; idle: number } {
  return lives[purpose];
}

/** Whether a row of pending_tokens for a verification, named `token`, can still be used at `at`: a condition. */
export function isLiveToken(at: SQL): SQL {
  return sql`token.purpose = 'activation'
    and token.created_at > ${at} - make_interval(secs => ${lives.activation.maxAge})
    and token.created_at <= ${at} + make_interval(secs => ${believedAheadMs / 1000})
    and token.last_used_at > ${at} - make_interval(secs => ${lives.activation.idle})`;
}
