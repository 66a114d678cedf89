/**
 * Runs what it is given, `most` at a time; what comes meanwhile waits its turn. Out: what that answers. For work that takes
 * a connection of the pool, so that however much of one kind comes, others find one.
 */
export function fewAtOnce(most: number): <Answer>(run: () => Promise<Answer>) => Promise<Answer> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running < most) running += 1;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      // Whoever is next takes over the place.
      if (next) next();
      else running -= 1;
    }
  };
}
