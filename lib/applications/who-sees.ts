import { sql, type SQL } from 'drizzle-orm';
import type { ActingPerson } from '@/lib/accounts/still-signed-in';

/** Who looks at applications, or moves one; the latter only as long as they are signed in (`lockApplication`). */
export type Viewer = ActingPerson;

/**
 * Which applications someone sees, as a condition on the table `applications` under the name `a`: applicants their own, brokers
 * what is assigned to them, staff and admins all that were handed in; none of these their own, which others see to. Every page, list,
 * search and move asks this. Their own everyone reads as an applicant does, whatever their role: `isOwn`.
 */
export function seenBy({ userId, role }: Viewer): SQL {
  switch (role) {
    case 'applicant':
      return isOwn(userId);
    case 'broker':
      return sql`(a.assignee_id = ${userId} and a.status <> 'draft' and a.applicant_id is distinct from ${userId})`;
    case 'staff':
    case 'admin':
      return sql`(a.status <> 'draft' and a.applicant_id is distinct from ${userId})`;
  }
}

/** Which applications are someone's own, who handed them in or means to; under the same name. */
export function isOwn(userId: string): SQL {
  return sql`a.applicant_id = ${userId}`;
}

/** Whether someone may do something about their own: who became one of the operator's people only reads them. */
export function actsOnOwn({ role }: Pick<Viewer, 'role'>): boolean {
  return role === 'applicant';
}

/** Whether internal notes, and who else sees to it, are for this person to read. */
export function seesInternal({ role }: Viewer): boolean {
  return role === 'staff' || role === 'admin';
}
