import type { Db } from '@/db/client';
import { emailKey } from '@/lib/accounts/email';
import { hashPassword, needsRehash, PasswordsBusy, verifyPassword } from '@/lib/accounts/password';
import { findUser, findUserByEmail, replacePasswordHash, type User } from '@/lib/accounts/users';
import { addressBlock } from '@/lib/client-address';
import { takeCoarseHit } from '@/lib/coarse-limits';
import type { RequestContext } from '@/lib/context';
import { limitKey, limits, takeHits } from '@/lib/limits';

export type PasswordCheckRefusal =
  | { reason: 'wrong_credentials'; user: User | null }
  | { reason: 'busy' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Checks the password of an e-mail's account, wherever it is asked for: to sign in, and again before what matters.
 *
 * An unknown e-mail and a wrong password take the same work and count against the same limits (OWASP ASVS 5.0 6.3.8): a
 * try is counted before the password is looked at and given back when it is right, so parallel guesses cannot share one.
 * A right one of an older scheme is stored under the newest; `user` then has the newer hash.
 */
export async function checkPassword(
  db: Db,
  { email, password }: { email: string; password: string },
  context: RequestContext,
): Promise<{ ok: true; user: User } | ({ ok: false } & PasswordCheckRefusal)> {
  const coarse = await takeCoarseHit(db, 'sign_in', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const hits = await countPassword(db, email, context);
  if (!hits.ok) return { ok: false, reason: 'too_many_passwords', retryAt: hits.retryAt };

  const user = await findUserByEmail(db, email);
  let right: boolean;
  try {
    right = await verifyPassword(password, user?.passwordHash ?? null);
  } catch (error) {
    await hits.giveBack();
    if (error instanceof PasswordsBusy) return { ok: false, reason: 'busy' };
    throw error;
  }
  if (user === null || !right) return { ok: false, reason: 'wrong_credentials', user };
  await hits.giveBack();
  return { ok: true, user: await renewHash(db, user, password) };
}

async function renewHash(db: Db, user: User, password: string): Promise<User> {
  if (!needsRehash(user.passwordHash)) return user;
  const hash = await hashPassword(password);
  if (!hash.ok) return user;
  const renewal = { userId: user.id, from: user.passwordHash, to: hash.value };
  if (await replacePasswordHash(db, renewal)) return { ...user, passwordHash: hash.value };
  // Another sign-in at the same moment has renewed it, or it is another password by now.
  const current = await findUser(db, user.id);
  const isSame = current !== null && (await verifyPassword(password, current.passwordHash));
  return isSame ? current : user;
}

/** Counts one password for an e-mail: alike for unknown e-mails. */
function countPassword(db: Db, email: string, context: RequestContext) {
  const name = emailKey(email);
  return takeHits(
    db,
    [
      {
        key: limitKey('password_email_address', name, addressBlock(context.address)),
        rules: limits.passwordsPerEmailAndAddress,
      },
      { key: limitKey('password_email', name), rules: limits.passwordsPerEmail },
    ],
    context.now,
  );
}
