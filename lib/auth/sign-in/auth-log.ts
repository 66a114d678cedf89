import type { Log } from '@/lib/log';

const everyMs = 60_000;

/**
 * Says what Auth.js calls an error, by a name that a build does not change. Anyone causes one with a cookie, so a line of each
 * kind is written once a minute at most; `times` says how often it happened since the line before.
 */
export function makeAuthLog(log: () => Log): (error: Error, now: Date) => void {
  const kinds = new Map<string, { saidMs: number; times: number }>();
  return (error, now) => {
    // Of Auth.js's own errors; the name of a class is lost in a build.
    const kind = 'type' in error && typeof error.type === 'string' ? error.type : 'other';
    const { saidMs, times } = kinds.get(kind) ?? { saidMs: -Infinity, times: 0 };
    if (Math.abs(now.getTime() - saidMs) < everyMs) {
      kinds.set(kind, { saidMs, times: times + 1 });
      return;
    }
    kinds.set(kind, { saidMs: now.getTime(), times: 0 });
    if (kind === 'JWTSessionError') log().warn('session_cookie_unreadable', { times: times + 1 });
    else log().warn('auth_failed', { kind, times: times + 1 });
  };
}
