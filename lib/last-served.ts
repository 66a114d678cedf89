/** Of so many it is known which was served after which; those of longer ago count as new. */
const mostRemembered = 10_000;

/** In which order this process served those that come again and again. */
export type Served = {
  note(name: string): void;
  /** Greater the later it was; 0 for those that are new. */
  last(name: string): number;
};

/** Remembers in which order the last ones were served. */
export function rememberServed(): Served {
  const served = new Map<string, number>();
  let serves = 0;
  return {
    note: (name) => {
      served.delete(name);
      served.set(name, (serves += 1));
      if (served.size > mostRemembered) served.delete(served.keys().next().value!);
    },
    last: (name) => served.get(name) ?? 0,
  };
}
