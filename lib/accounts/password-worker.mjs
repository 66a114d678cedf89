import { getPriority, setPriority } from 'node:os';
import { compareSync, hashSync } from 'bcryptjs';

// On Linux a priority belongs to a thread, and 0 is the one that asks: requests, the dispatcher and the database go before
// hashes on every core. Elsewhere it would be the whole server's (password.ts leaves a core free there). Where a process may not
// change it, or is nicer already, hashing goes on as it is.
if (process.platform === 'linux') {
  try {
    if (getPriority(0) < 10) setPriority(0, 10);
  } catch {
    // A sandbox that forbids it takes nothing but the order of who goes first.
  }
}

/**
 * Does the one slow step of password hashing, in a thread of its own. What arrives is already digested and fits bcrypt.
 *
 * @param {{ digest: string, cost: number } | { digest: string, hash: string }} task
 * @returns {string | boolean} the new hash, or whether the digest belongs to the given one
 */
export default function runBcrypt(task) {
  return 'hash' in task ? compareSync(task.digest, task.hash) : hashSync(task.digest, task.cost);
}
