// Loaded before everything else: this process's clock is ahead by so many milliseconds, as a machine's may be.
const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0);
const Real = Date;
const now = () => Real.now() + aheadMs;

// All that is no question for the time is the real thing, also called as a function.
globalThis.Date = new Proxy(Real, {
  construct: (target, given, created) =>
    /** @type {Date} */ (Reflect.construct(target, given.length === 0 ? [now()] : given, created)),
  apply: () => new Real(now()).toString(),
  get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
});
