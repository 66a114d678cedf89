import type { Db, Tx } from '@/db/client';
import { emailKey } from '@/lib/accounts/email';
import { hashPassword, needsRehash, PasswordsBusy, verifyPassword } from '@/lib/accounts/password';
import { findUser, findUserByEmail, type User } from '@/lib/accounts/users';
import { replacePasswordHash } from '@/lib/accounts/stored-password';
import { addressBlock, networkOf } from '@/lib/client-address';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import type { RequestContext } from '@/lib/context';
import {
  forgetHits,
  limitKeys,
  peekEachHits,
  peekHits,
  takeHits,
  type HitsLeft,
  type LimitEntry,
  type LimitKeys,
} from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { findMark } from './known-browser';

/**
 * How a browser can show that an account knows it: by the cookie of an earlier sign-in, or by being signed in to it. Such a
 * browser has tries of its own.
 */
export type BrowserProof =
  { knownBrowser: string | null } | { session: { userId: string; sessionId: string } };

export type PasswordCheckRefusal =
  | {
      reason: 'wrong_credentials';
      user: User | null;
      /** Only there when few are left. */
      triesLeft?: HitsLeft;
    }
  | { reason: 'busy' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Checks the password of an email's account, wherever it is asked for: to sign in, and again before what matters.
 *
 * A browser that the account knows spends its own tries first, so strangers cannot keep it out. All other browsers share
 * the tries of the email. An unknown email and a wrong password take the same work and count against the same limits (OWASP
 * ASVS 5.0 6.3.8): a try is counted before the password is looked at and taken out again when it is right, so parallel guesses
 * cannot share one. A right password of an older scheme is stored under the newest; `user` then has the newer hash.
 */
export async function checkPassword(
  db: Db,
  { email, password }: { email: string; password: string },
  proof: BrowserProof,
  context: RequestContext,
): Promise<{ ok: true; user: User } | ({ ok: false } & PasswordCheckRefusal)> {
  const coarse = await takeAddressHit(db, 'sign_in', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const user = await findUserByEmail(db, email);
  const tries = {
    own: findOwnTries({ email, user }, proof, context.now),
    shared: listSharedTries(email, context.address),
  };
  const counted = await countPassword(db, tries, context.now);
  if (!counted.ok) return { ok: false, reason: 'too_many_passwords', retryAt: counted.retryAt };

  const source = networkOf(context.address);
  let right: boolean;
  try {
    right = await verifyPassword(password, user?.passwordHash ?? null, { lane: counted.lane, source });
  } catch (error) {
    await counted.refund();
    if (error instanceof PasswordsBusy) return { ok: false, reason: 'busy' };
    throw error;
  }
  if (user === null || !right) {
    const left = await counted.readLeft();
    const triesLeft = left.count <= limits.lastTries ? left : undefined;
    return { ok: false, reason: 'wrong_credentials', user, triesLeft };
  }
  await counted.refund();
  return { ok: true, user: await renewHash(db, user, { password, source }) };
}

/**
 * Gives all unknown browsers their tries for an email back, those at `addresses` besides: for an operator who knows whom they
 * let in.
 */
export async function forgetWrongPasswords(
  db: Db | Tx,
  email: string,
  addresses: readonly string[] = [],
): Promise<void> {
  await forgetHits(db, [...sharedKeys(email), ...addresses.flatMap((address) => keysAt(email, address))]);
}

/** Until when wrong passwords keep browsers out that an account does not know; null: they do not. */
export type PasswordLocks = {
  /** All of them, from wherever they ask. */
  everywhere: Date | null;
  /** Those of an address, of the ones given. */
  ofAddresses: { address: string; until: Date }[];
};

/** Reads, in one statement, whom wrong passwords for an email keep out by now. Browsers that the account knows have tries of their own. */
export async function readPasswordLocks(
  db: Db,
  email: string,
  { addresses, now }: { addresses: readonly string[]; now: Date },
): Promise<PasswordLocks> {
  const ofAddresses = addresses.map((address) => ({
    keys: keysAt(email, address),
    rules: limits.passwordsPerEmailAndAddress,
  }));
  const ofAll = { keys: sharedKeys(email), rules: limits.passwordsPerEmail };
  const [all, ...each] = await peekEachHits(db, [ofAll, ...ofAddresses], now);
  const untilOf = ({ count, thenAt }: HitsLeft) => (count > 0 ? null : thenAt);
  return {
    everywhere: untilOf(all!),
    ofAddresses: each.flatMap((left, index) => {
      const until = untilOf(left);
      return until === null ? [] : [{ address: addresses[index]!, until }];
    }),
  };
}

async function renewHash(
  db: Db,
  user: User,
  { password, source }: { password: string; source: string },
): Promise<User> {
  if (!needsRehash(user.passwordHash)) return user;
  const hash = await hashPassword(password, source);
  if (!hash.ok) return user;
  const renewal = { userId: user.id, from: user.passwordHash, to: hash.value };
  if (await replacePasswordHash(db, renewal)) return { ...user, passwordHash: hash.value };
  // Another sign-in at the same moment has renewed it, or it is another password by now.
  const current = await findUser(db, user.id);
  const isSame = current !== null && (await verifyPassword(password, current.passwordHash, { source }));
  return isSame ? current : user;
}

/** The tries of this very browser; null: the account does not know it. */
function findOwnTries(
  { email, user }: { email: string; user: User | null },
  proof: BrowserProof,
  now: Date,
): LimitEntry | null {
  const rules = limits.passwordsPerKnownBrowser;
  if ('session' in proof) {
    const { userId, sessionId } = proof.session;
    return userId === user?.id ? { keys: limitKeys('password_session', [userId, sessionId]), rules } : null;
  }
  const name = emailKey(email);
  const nonce = findMark(proof.knownBrowser, { emailKey: name, account: user }, now);
  return nonce === null ? null : { keys: limitKeys('password_known_browser', [name, nonce]), rules };
}

/** The tries of all browsers that the account does not know; alike for unknown emails. */
function listSharedTries(email: string, address: string): LimitEntry[] {
  return [
    { keys: keysAt(email, address), rules: limits.passwordsPerEmailAndAddress },
    { keys: sharedKeys(email), rules: limits.passwordsPerEmail },
  ];
}

function keysAt(email: string, address: string): LimitKeys {
  return limitKeys('password_email_address', [emailKey(email), addressBlock(address)]);
}

function sharedKeys(email: string): LimitKeys {
  return limitKeys('password_email', [emailKey(email)]);
}

/**
 * Counts one password. A browser whose own tries are spent is an unknown one until they come back. `readLeft` says how many
 * are left of both kinds, and when the first comes back once all are spent.
 */
async function countPassword(
  db: Db,
  { own, shared }: { own: LimitEntry | null; shared: LimitEntry[] },
  now: Date,
): Promise<
  | {
      ok: true;
      lane: 'verify' | 'verify_known';
      refund: () => Promise<void>;
      readLeft: () => Promise<HitsLeft>;
    }
  | { ok: false; retryAt: Date }
> {
  const ofOwn = own === null ? null : await takeHits(db, [own], now);
  if (ofOwn?.ok) {
    const readLeft = async () => {
      if (ofOwn.left.count > limits.lastTries) return ofOwn.left;
      const others = await peekHits(db, shared, now);
      return { count: ofOwn.left.count + others.count, thenAt: earlier(ofOwn.left.thenAt, others.thenAt) };
    };
    return { ok: true, lane: 'verify_known', refund: ofOwn.refund, readLeft };
  }
  const ofShared = await takeHits(db, shared, now);
  const untilOwn = (at: Date) => (ofOwn === null ? at : earlier(at, ofOwn.retryAt));
  if (!ofShared.ok) return { ok: false, retryAt: untilOwn(ofShared.retryAt) };
  const { left, refund } = ofShared;
  return {
    ok: true,
    lane: 'verify',
    refund,
    readLeft: async () => ({ ...left, thenAt: untilOwn(left.thenAt) }),
  };
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}
