import type { ActingAdmin } from '@/lib/accounts/lock-users';
import type { recordAudit } from '@/lib/audit';

/**
 * Who of the operator's people does something to another's account: someone at the terminal, by the login name they have there,
 * or an admin on a page, with the reason they give.
 */
export type Author = { operator: string } | (ActingAdmin & { reason: string });

/** The admin, to be locked with the account (`lockAmongAdmins`); null: it is done at the terminal. */
export function adminOf(author: Author): ActingAdmin | null {
  return 'adminId' in author ? author : null;
}

/**
 * Why an author may not do it to this account; null: they may. `self`: nobody does it to themselves. `not_admin`: their own
 * account was shut or got another role meanwhile. `not_open`: their session was ended.
 */
export function refuseAuthor(
  author: Author,
  { userId, byAdmin }: { userId: string; byAdmin: 'yes' | 'not_admin' | 'not_open' },
): AuthorRefusal | null {
  if ('operator' in author) return null;
  if (author.adminId === userId) return 'self';
  return byAdmin === 'yes' ? null : byAdmin;
}

export type AuthorRefusal = 'self' | 'not_admin' | 'not_open';

/** What the audit says of an author, beside what was done. */
export function auditOf(
  author: Author,
): Required<Pick<Parameters<typeof recordAudit>[1], 'actorId' | 'details'>> {
  return 'operator' in author
    ? { actorId: null, details: { operator: author.operator } }
    : { actorId: author.adminId, details: { reason: author.reason } };
}

const longestReason = 300;

/** The reason for an action as it was typed, in one line; refused where there is none, or more than 300 characters. */
export function readReason(
  typed: string,
): { ok: true; reason: string } | { ok: false; reason: 'reason_missing' | 'reason_too_long' } {
  const reason = typed.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  if (!/[^\p{C}\p{Z}]/u.test(reason)) return { ok: false, reason: 'reason_missing' };
  return [...reason].length > longestReason ? { ok: false, reason: 'reason_too_long' } : { ok: true, reason };
}
