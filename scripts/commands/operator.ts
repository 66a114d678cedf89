import { userInfo } from 'node:os';
import type { RequestContext } from '@/lib/context';

/** The login name of whoever runs this command, for the audit; their number where this machine has no name for it. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Where a change at the terminal comes from. */
export function operatorContext(now: Date): RequestContext {
  return { now, address: 'terminal', userAgent: null };
}
