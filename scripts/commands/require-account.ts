import type { Db } from '@/db/client';
import { findUserByEmail, type User } from '@/lib/accounts/users';
import { StartProblem } from '../start-problem';

/** The account that an operator names by its email; throws a StartProblem of one line when there is none. */
export async function requireAccount(database: Db, email: string): Promise<User> {
  const user = await findUserByEmail(database, email);
  if (!user) throw new StartProblem(`No account has the email ${email}.`);
  return user;
}
