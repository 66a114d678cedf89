// Loaded before everything else: this process's clock is ahead by so many milliseconds, as a machine's may be.
const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0);
const Real = Date;

globalThis.Date = class extends Real {
  /** @param {any[]} given */
  constructor(...given) {
    if (given.length === 0) super(Real.now() + aheadMs);
    // @ts-expect-error Whatever a Date can be made of.
    else super(...given);
  }

  static now() {
    return Real.now() + aheadMs;
  }
};
