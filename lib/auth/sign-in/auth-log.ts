import type { Log } from '@/lib/log';

const everyMs = 60_000;

/**
 * Says which kind of error signing in and reading sessions met, by a name that a build does not change. Anyone causes one with a
 * cookie, so a line of each kind is written once a minute at most; `times` says how often it happened since the line before.
 */
export function makeAuthLog(log: () => Log): (kind: string, now: Date) => void {
  const kinds = new Map<string, { saidMs: number; times: number }>();
  return (kind, now) => {
    const { saidMs, times } = kinds.get(kind) ?? { saidMs: -Infinity, times: 0 };
    if (Math.abs(now.getTime() - saidMs) < everyMs) {
      kinds.set(kind, { saidMs, times: times + 1 });
      return;
    }
    kinds.set(kind, { saidMs: now.getTime(), times: 0 });
    if (kind === unreadableCookie) log().warn('session_cookie_unreadable', { times: times + 1 });
    else log().warn('auth_failed', { kind, times: times + 1 });
  };
}

/** A session cookie that no secret of ours made. */
export const unreadableCookie = 'JWTSessionError';

/** Of Auth.js's own errors; the name of a class is lost in a build. */
export function nameAuthError(error: Error): string {
  return 'type' in error && typeof error.type === 'string' ? error.type : 'other';
}
