import type { Tx } from '@/db/client';
import { hasNamed, listFirstNamed } from '@/lib/consent/ledger';
import { limits } from '@/lib/rate-limits/limits';
import { readWindows } from '@/lib/rate-limits/sliding-window';

const longestMs = Math.max(...limits.numbersPerAccount.map(({ windowSeconds }) => windowSeconds)) * 1000;

/**
 * Whether an account may name one more number, by `limits.numbersPerAccount`; the person is locked. One that it named before
 * costs nothing. Numbers are counted from the ledger of consent: to name one is to tick the box for it. Out: null, or when
 * the next may be named.
 */
export async function readNumberMoment(
  tx: Tx,
  { userId, phone }: { userId: string; phone: string },
  now: Date,
): Promise<Date | null> {
  const named = await listFirstNamed(tx, { userId, since: new Date(now.getTime() - longestMs) });
  const { retryAt } = readWindows(named, limits.numbersPerAccount, now);
  return retryAt !== null && (await hasNamed(tx, { userId, phone })) ? null : retryAt;
}
