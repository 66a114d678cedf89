/** How much the ticks of a process and the database's clock may part in a second, in ms: NTP slews by no more. */
const driftPerSecondMs = 0.5;

/** A moment by this process's ticks (`performance.now()`), in ms, at the earliest and at the latest. */
export type Span = { fromMs: number; toMs: number };

/**
 * What the database's clock said, in ms since 1970, and what it left out of that at most; and the ticks before the question and after
 * the answer.
 */
type ClockAnswer = { databaseMs: number; blurMs?: number; askedMs: number; answeredMs: number };

/**
 * How the database's clock stands to the ticks of this process. The database says its time at some moment between a question
 * and its answer, so each answer bounds the difference, and all of them together bound it better than any: by the fastest way
 * there and the fastest way back, however slow most are. Each way is taken for half of the fastest answer at least.
 */
export class PaceClock {
  /** What the database's clock is ahead of the ticks: at least, at most, and when that was known. */
  #atLeastMs = -Infinity;
  #atMostMs = Infinity;
  #knownAtMs = 0;
  #fastestMs = Infinity;

  learn({ databaseMs, blurMs = 0, askedMs, answeredMs }: ClockAnswer): void {
    const tookMs = answeredMs - askedMs;
    this.#fastestMs = tookMs < this.#fastestMs ? tookMs : this.#fastestMs * 0.98 + tookMs * 0.02;
    const atLeastMs = databaseMs - answeredMs;
    const atMostMs = databaseMs + blurMs - askedMs;
    const agedMs = (Math.max(0, answeredMs - this.#knownAtMs) * driftPerSecondMs) / 1_000;
    this.#atLeastMs = Math.max(this.#atLeastMs - agedMs, atLeastMs);
    this.#atMostMs = Math.min(this.#atMostMs + agedMs, atMostMs);
    this.#knownAtMs = answeredMs;
    if (this.#atLeastMs <= this.#atMostMs) return;
    // Someone set the clock: what was known before is worth nothing.
    this.#atLeastMs = atLeastMs;
    this.#atMostMs = atMostMs;
  }

  /** When a moment of the database's clock comes, by the ticks. In: the moment in ms since 1970. Something was learned before. */
  find(databaseMs: number): Span {
    const wayMs = Math.min(this.#fastestMs, this.#atMostMs - this.#atLeastMs) / 2;
    return { fromMs: databaseMs - this.#atMostMs + wayMs, toMs: databaseMs - this.#atLeastMs - wayMs };
  }
}
