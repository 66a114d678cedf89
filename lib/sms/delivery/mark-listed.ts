import type { Db } from '@/db/client';
import { countHeldNumbers, findOutOfService, markOutOfService } from '@/lib/sms/numbers/doubt';
import type { DeactivationsRead, Provider } from '@/lib/sms/provider/provider';

/**
 * A list that would put more of our numbers in doubt than both of these is likely wrong: carriers take about one number in a thousand
 * out of service in a day.
 */
const fewestNumbers = 50;
const mostShare = 0.02;

/** So many numbers are marked in a statement, whose rows nobody waits for longer than some milliseconds. */
const batchNumbers = 1_000;

/** What a list came to. `count`: the numbers on it; `marked`: those of ours that are in doubt by it and were not. */
export type ListRead =
  | { ok: true; count: number; marked: number }
  /** Nothing was marked: `wouldMark` of the `held` numbers that accounts hold would have been. */
  | { ok: false; reason: 'too_many'; count: number; wouldMark: number; held: number }
  | Exclude<DeactivationsRead, { ok: true }>;

/**
 * Reads the list of a day (`YYYY-MM-DD`) to its end, and then marks the numbers on it that accounts hold. So a list that breaks off marks
 * none. `isTrusted`: it marks however many there are; else a list of more than 2 % of the numbers held, and at least 50, marks none.
 */
export async function markListed(
  { db, provider }: { db: Db; provider: Pick<Provider, 'readDeactivations'> },
  day: string,
  { isTrusted, signal }: { isTrusted: boolean; signal?: AbortSignal },
): Promise<ListRead> {
  const listed: string[] = [];
  let wouldMark = 0;
  let held: number | null = null;
  let isTooMany = false;
  const look = async (phones: string[]) => {
    const found = await findOutOfService(db, phones, day);
    wouldMark += found.filter(({ isNew }) => isNew).length;
    if (!isTrusted && wouldMark >= fewestNumbers) {
      held ??= await countHeldNumbers(db);
      isTooMany = wouldMark > held * mostShare;
    }
    // What will not be marked is only counted: a wrong list may name every number there is.
    if (isTooMany) listed.length = 0;
    else for (const { phone } of found) listed.push(phone);
  };
  const read = await provider.readDeactivations(day, look, signal);
  if (!read.ok) return read;
  const { count } = read;
  if (isTooMany && held !== null) return { ok: false, reason: 'too_many', count, wouldMark, held };
  let marked = 0;
  for (let from = 0; from < listed.length; from += batchNumbers) {
    marked += await markOutOfService(db, listed.slice(from, from + batchNumbers), day);
  }
  return { ok: true, count, marked };
}
