import type { Tx } from '@/db/client';
import { mintLoginGrant, type GrantShows } from '@/lib/accounts/login-grants';
import type { User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isReachedByMail, tellOwner } from '@/lib/mail/tell-owner';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { findMark, issueMark } from './known-browser';

/** A login grant, and a mark for this browser, which the account knows from now on. */
export type SignedIn = { grant: string; mark: string };

/**
 * The last step of every sign-in, in the transaction of the one before, which holds the account's row: mints the login grant, and
 * tells the owner when it is a browser that the account does not know. `knownBrowser`: the browser's cookie of marks; `shows`:
 * what the session has shown of who it is.
 */
export async function completeSignIn(
  tx: Tx,
  user: User,
  { knownBrowser, shows }: { knownBrowser: string | null; shows: GrantShows },
  context: RequestContext,
): Promise<SignedIn> {
  const { now } = context;
  await recordAudit(tx, { action: 'signed_in', userId: user.id }, context);
  if (!(await knowsBrowser(tx, user, knownBrowser, now))) {
    await tellOwner(tx, { template: 'newDevice', before: user }, context);
  }
  return { mark: issueMark(user, now), ...(await mintLoginGrant(tx, user.id, now, shows)) };
}

/**
 * Whether nobody has to be told that an account is signed in to from this browser: it knows the browser, its owner gets no
 * mail, or got enough of these. One such mail is counted where the answer is no.
 */
async function knowsBrowser(tx: Tx, user: User, knownBrowser: string | null, now: Date): Promise<boolean> {
  if (!isReachedByMail(user)) return true;
  if (findMark(knownBrowser, { emailKey: user.emailKey, account: user }, now) !== null) return true;
  const entry = { keys: limitKeys('mail_new_device', [user.id]), rules: limits.mailsPerSignIn };
  return !(await takeHits(tx, [entry], now)).ok;
}
