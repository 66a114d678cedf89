import { env } from '@/lib/env';
import { isBreachedPassword } from './breached-passwords';
import { commonPasswords } from './common-passwords';
import { assessPassword, type PasswordRefusal } from './password-strength';

/**
 * Why a person may not choose a password, by all that the server knows; null: they may. `name` left out: it plays no part. May
 * take half a second, so never in a transaction.
 */
export async function refuseNewPassword(
  password: string,
  person: { email: string; name?: string },
): Promise<PasswordRefusal | null> {
  const assessed = assessPassword(password, { list: commonPasswords, siteName: env().siteName, ...person });
  if (!assessed.acceptable) return assessed.reason;
  return (await isBreachedPassword(password)) ? 'breached' : null;
}
