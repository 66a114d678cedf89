import { compareSync, hashSync } from 'bcryptjs';

/**
 * Does the one slow step of password hashing, in a thread of its own. What arrives is already digested and fits bcrypt.
 *
 * @param {{ digest: string, cost: number } | { digest: string, hash: string }} task
 * @returns {string | boolean} the new hash, or whether the digest belongs to the given one
 */
export default function runBcrypt(task) {
  return 'hash' in task ? compareSync(task.digest, task.hash) : hashSync(task.digest, task.cost);
}
