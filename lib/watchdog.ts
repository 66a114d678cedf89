export type Watchdog = {
  /** Says that all is well at this moment. */
  beat: () => void;
  /** Ends the watch; nothing is called any more. */
  stop: () => void;
};

/** A stretch of silence is counted in so many ticks. */
const ticks = 20;

/**
 * Calls `onStuck`, once, when no beat came for `patienceMs`; up to a twentieth of that later.
 *
 * What counts is time in which this process was running: the timer's own ticks are counted, and no clock is read. A
 * machine that was suspended for an hour, or a clock that was set, adds one tick. The watch alone keeps no process alive.
 */
export function makeWatchdog({ patienceMs, onStuck }: { patienceMs: number; onStuck: () => void }): Watchdog {
  let silentTicks = 0;
  const timer = setInterval(() => {
    silentTicks += 1;
    // The first tick after a beat may come at once.
    if (silentTicks <= ticks) return;
    clearInterval(timer);
    onStuck();
  }, patienceMs / ticks);
  timer.unref();
  return {
    beat: () => {
      silentTicks = 0;
    },
    stop: () => clearInterval(timer),
  };
}
