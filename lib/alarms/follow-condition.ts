/**
 * What one check says of a condition. `between`: no longer bad enough to open an alarm, and not good enough to end one.
 */
export type Verdict = 'bad' | 'between' | 'good';

/** How many checks in a row it takes to open an alarm, and to end it: at least one. */
export type Patience = { opensAfter: number; clearsAfter: number };

/** Where a condition stands between two checks. `run`: so many checks in a row spoke for a change. */
export type Standing = { isOpen: boolean; run: number; runSince: Date | null };

/** An alarm that opens was there since the first of the checks in a row that opened it. */
export type Change = { is: 'opens'; since: Date } | { is: 'ends' };

/**
 * Takes one more check into account. An alarm opens when enough checks in a row were bad, and ends when enough in a row were good;
 * a single one that says otherwise starts the count again. So nothing that goes to and fro opens and ends again and again.
 */
export function followCondition(
  { isOpen, run, runSince }: Standing,
  verdict: Verdict,
  now: Date,
  { opensAfter, clearsAfter }: Patience,
): { standing: Standing; change: Change | null } {
  const speaksForChange = verdict === (isOpen ? 'good' : 'bad');
  if (!speaksForChange) return { standing: { isOpen, run: 0, runSince: null }, change: null };
  const since = run === 0 ? now : (runSince ?? now);
  if (run + 1 < (isOpen ? clearsAfter : opensAfter)) {
    return { standing: { isOpen, run: run + 1, runSince: since }, change: null };
  }
  return {
    standing: { isOpen: !isOpen, run: 0, runSince: null },
    change: isOpen ? { is: 'ends' } : { is: 'opens', since },
  };
}
