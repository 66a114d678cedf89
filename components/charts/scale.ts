/** Where a value is drawn: from 0 (bottom) to 1 (top), and the values to draw lines at. */
export type ChartScale = { place: (value: number) => number; ticks: readonly number[] };

/** From 0 to a round number at or above the highest value, with three to six lines. */
export function linearScale(highest: number): ChartScale {
  const step = roundStep(highest > 0 ? highest / 4 : 1);
  const count = Math.max(1, Math.ceil(highest / step - 1e-9));
  const top = count * step;
  return { place: (value) => value / top, ticks: Array.from({ length: count + 1 }, (_, n) => n * step) };
}

/** Times from a second to a day and more, each line several times the one below. Shorter times are drawn at the bottom. */
export function timeScale(longest: number): ChartScale {
  const lines = [1, 10, 60, 600, 3_600, 36_000, 108_000];
  const last = Math.max(
    1,
    lines.findIndex((line) => line >= longest),
  );
  const ticks = longest > lines.at(-1)! ? lines : lines.slice(0, last + 1);
  const top = Math.log(ticks.at(-1)!);
  return { place: (value) => Math.min(1, Math.max(0, Math.log(Math.max(1, value)) / top)), ticks };
}

/** 1, 2 or 5 times a power of ten, at or above `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((each) => each * power >= least * (1 - 1e-9)) ?? 10;
  return factor * power;
}
