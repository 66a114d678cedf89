import { forbidden } from 'next/navigation';
import type { SessionUser } from '@/lib/accounts/sessions';

/** One of the operator's people, of one of these roles; 403 for everyone else. */
export function asOperator(user: SessionUser, ...roles: ('broker' | 'staff' | 'admin')[]): SessionUser {
  return roles.some((role) => role === user.role) ? user : forbidden();
}
