import type { Role } from '@/db/schema/accounts';
import { StartProblem } from '../start-problem';

export const roles = ['applicant', 'broker', 'staff', 'admin'] as const satisfies readonly Role[];

/** The role that `--role` names; throws a StartProblem of one line when it names none. */
export function readRole(given: string | undefined, usage: string): Role {
  const role = roles.find((known) => known === given);
  if (!role) throw new StartProblem(`--role: Give one of ${roles.join(', ')}. Usage: ${usage}`);
  return role;
}
