import { sql, type SQL } from 'drizzle-orm';

/** A pending token lives 24 hours at most … */
export const pendingMaxAgeSeconds = 24 * 3600;
/** … and 30 minutes without use. */
export const pendingIdleSeconds = 30 * 60;

/** Whether a row of pending_tokens, named `token`, can still be used at `at`: a condition. */
export function isLiveToken(at: SQL): SQL {
  return sql`token.created_at > ${at} - make_interval(secs => ${pendingMaxAgeSeconds})
    and token.last_used_at > ${at} - make_interval(secs => ${pendingIdleSeconds})`;
}
