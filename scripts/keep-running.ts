import type { ChildProcess } from 'node:child_process';

/** How a process that dies is started again. */
export type RestartRules = {
  /** What it is called in the lines that say so: `The web server`. */
  name: string;
  /** The first pause; it doubles with each death in a row, up to `mostMs`. */
  firstMs: number;
  mostMs: number;
  /** A process that ran for this long was well: its death is the first of a row. */
  healthyMs: number;
  /** With this many deaths in a row it is given up; null: never. */
  mostDeaths: number | null;
  /** Asked after a death; false: it has never been well, so the reason is not one that goes away. */
  canStart?: () => boolean;
};

/**
 * Starts a process, and again whenever it dies, after a pause. `onGivenUp` is called when it died too often in a row, or
 * cannot be started at all. Out: how to
 * stop starting it; the process itself is the caller's to end.
 */
export function keepRunning(
  start: () => ChildProcess,
  { name, firstMs, mostMs, healthyMs, mostDeaths, canStart = () => true }: RestartRules,
  { say, onGivenUp }: { say: (line: string) => void; onGivenUp: () => void },
): { stop: () => void } {
  let isStopped = false;
  let restart: NodeJS.Timeout | undefined;

  const run = (deathsBefore: number): void => {
    const startedAt = Date.now();
    start().once('exit', (code, endedBy) => {
      if (isStopped) return;
      const how = `${name} ended unexpectedly (${endedBy ?? `code ${code}`})`;
      const deaths = Date.now() - startedAt > healthyMs ? 1 : deathsBefore + 1;
      if (deaths === mostDeaths || !canStart()) {
        say(deaths === 1 ? `${how}.` : `${how}, ${deaths} times in a row.`);
        onGivenUp();
        return;
      }
      const waitMs = Math.min(firstMs * 2 ** (deaths - 1), mostMs);
      say(`${how}; it starts again in ${waitMs / 1000} s.`);
      restart = setTimeout(() => run(deaths), waitMs);
    });
  };

  run(0);
  return {
    stop: () => {
      isStopped = true;
      clearTimeout(restart);
    },
  };
}
