/**
 * Runs `run` for many items at once: those handed over in one turn of the event loop go together, and those that come while
 * it runs wait for the next. Out: what it answers for each item, in the order given; when it throws, all of them get that.
 */
export function gather<Item, Result>(
  run: (items: readonly Item[]) => Promise<readonly Result[]>,
): (item: Item) => Promise<Result> {
  type Waiting = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };
  let waiting: Waiting[] = [];
  let isUnderWay = false;
  const go = async () => {
    while (waiting.length > 0) {
      const taken = waiting;
      waiting = [];
      try {
        const results = await run(taken.map(({ item }) => item));
        taken.forEach(({ resolve }, index) => resolve(results[index]!));
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    isUnderWay = false;
  };
  return (item) =>
    new Promise<Result>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (isUnderWay) return;
      isUnderWay = true;
      setImmediate(() => void go());
    });
}
