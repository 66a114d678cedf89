import type { Db } from '@/db/client';
import { listRefusedAddresses } from '@/lib/audit';
import { passwordsPerAddressSeconds } from '@/lib/rate-limits/limits';
import { readPasswordLocks, type PasswordLocks } from '@/lib/auth/sign-in/check-password';
import { readTries, type TriesRefusal } from '@/lib/auth/two-factor/tries';

/** What keeps the owner of an account out just now, besides its being closed; `unlockAccount` takes all of it back. */
export type AccountLocks = {
  passwords: PasswordLocks;
  /** Of codes of the second factor; null: they are heard. */
  codes: TriesRefusal | null;
};

/** More addresses than these with wrong passwords at once are an attack, and the limit of all addresses speaks of it. */
const mostAddresses = 20;

/** Reads it in three statements: of addresses, those that sent a wrong password lately. */
export async function readAccountLocks(
  db: Db,
  { id, email }: { id: string; email: string },
  now: Date,
): Promise<AccountLocks> {
  const since = new Date(now.getTime() - passwordsPerAddressSeconds * 1000);
  const [addresses, codes] = await Promise.all([listRefusedAddresses(db, id, since), readTries(db, id, now)]);
  const passwords = await readPasswordLocks(db, email, { addresses: addresses.slice(0, mostAddresses), now });
  return { passwords, codes };
}
