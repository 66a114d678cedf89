import type { VirtualCode } from './virtual-guard';

/** A number from 0 up to 1, the next one of a seed. */
export type Dice = () => number;

/** Mulberry32: the same seed throws the same. */
export function throwDice(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const days = 30;
const dayMinutes = 1_440;

/** Of everyone who asks for a code, so many enter it. */
const entering = 0.85;

const prefixes = Array.from({ length: 200 }, (_, n) => `prefix:+1212${String(200 + n)}`);

/** Carriers that have many people behind few addresses. */
const carriers = Array.from({ length: 20 }, (_, n) => `network:carrier-${n}`);

/** The prefixes of a small town; the one carrier there has two addresses. */
const town = prefixes.slice(40, 43);

/** How busy the hours of a day are, from midnight on. */
const hours = [2, 1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 13, 13, 12, 12, 12, 13, 14, 14, 12, 9, 6, 4];
const wholeDay = hours.reduce((sum, each) => sum + each, 0);

let strangers = 0;

/** Where someone asks from: one in three from a carrier's address, the others from a line of their own. */
function someNetwork(dice: Dice): string {
  if (dice() < 1 / 3) return carriers[Math.floor(dice() * carriers.length)]!;
  strangers += 1;
  return `network:line-${strangers}`;
}

function someMinute(dice: Dice, day: number): number {
  let place = dice() * wholeDay;
  const hour = hours.findIndex((share) => (place -= share) < 0);
  return day * dayMinutes + Math.max(0, hour) * 60 + Math.floor(dice() * 60);
}

const repeat = (times: number, make: (nth: number) => VirtualCode): VirtualCode[] =>
  Array.from({ length: Math.round(times) }, (_, nth) => make(nth));

/** A month of people: some prefixes have forty a day, most a few. Day 10 is a launch: ten times as many. */
export function honestMonth(dice: Dice): VirtualCode[] {
  const launchDay = 10;
  return prefixes.flatMap((prefix, rank) => {
    const usual = 40 / Math.sqrt(rank + 1);
    const isOfTown = town.includes(prefix);
    return Array.from({ length: days }, (_, day) => {
      const today = usual * (day === launchDay ? 10 : 0.7 + 0.6 * dice());
      return repeat(today, () => ({
        minute: someMinute(dice, day),
        prefix,
        network: isOfTown ? `network:town-${dice() < 0.5 ? 0 : 1}` : someNetwork(dice),
        isEntered: dice() < entering,
      }));
    }).flat();
  });
}

export type Scenario = {
  name: string;
  /** What it adds to the month; nothing: the month alone. */
  codes: (dice: Dice) => VirtualCode[];
  /** Whether those who ask are people: of them it is counted who is refused, of robots who gets through. */
  isHonest: boolean;
  /** Whose codes it is about; undefined: everyone's. */
  about?: (code: VirtualCode) => boolean;
  /** What it changes about the month's own codes. */
  changes?: (code: VirtualCode) => VirtualCode;
};

const at = (day: number, hour: number) => day * dayMinutes + hour * 60;

/** So many codes of robots, evenly over some minutes: to each range in turn, and to each of them from another network every time. */
const robots = (
  count: number,
  from: number,
  minutes: number,
  { targets, networks, tag }: { targets: readonly string[]; networks: number; tag: string },
): VirtualCode[] =>
  repeat(count, (nth) => ({
    minute: from + Math.floor((nth * minutes) / count),
    prefix: targets[nth % targets.length]!,
    network: `network:${tag}-${(Math.floor(nth / targets.length) + 13 * (nth % targets.length)) % networks}`,
    isEntered: false,
  }));

const ranges = (count: number, tag: string) =>
  Array.from({ length: count }, (_, n) => `prefix:+1${tag}${String(1_000 + n)}`);

const isInTownThatWeek = ({ prefix, minute }: VirtualCode) =>
  town.includes(prefix) && minute >= at(15, 0) && minute < at(22, 0);

export const scenarios: readonly Scenario[] = [
  { name: 'The month alone, with its launch day', isHonest: true, codes: () => [] },
  {
    name: 'An office of 400 behind one address, on one morning',
    isHonest: true,
    about: ({ network }) => network === 'network:office',
    codes: (dice) =>
      repeat(400, () => ({
        minute: at(5, 9) + Math.floor(dice() * 120),
        prefix: prefixes[Math.floor(dice() * prefixes.length)]!,
        network: 'network:office',
        isEntered: dice() < entering,
      })),
  },
  {
    name: 'A town with one carrier, whose texts do not arrive for a day',
    isHonest: true,
    about: ({ prefix, minute }) => town.includes(prefix) && minute >= at(18, 0) && minute < at(20, 0),
    codes: () => [],
    changes: (code) =>
      town.includes(code.prefix) && code.minute >= at(18, 0) && code.minute < at(19, 0)
        ? { ...code, isEntered: false }
        : code,
  },
  {
    name: 'One prefix, fast: 2,000 codes in an hour from 400 networks',
    isHonest: false,
    codes: () => robots(2_000, at(15, 3), 60, { targets: ranges(1, '909'), networks: 400, tag: 'fast' }),
  },
  {
    name: 'One prefix from one network: 2,000 codes in a day',
    isHonest: false,
    codes: () =>
      robots(2_000, at(15, 3), dayMinutes, { targets: ranges(1, '908'), networks: 1, tag: 'single' }),
  },
  {
    name: 'Many prefixes, slowly: 150 with 40 codes a day each, from 300 networks, a week',
    isHonest: false,
    codes: () =>
      robots(150 * 40 * 7, at(15, 0), 7 * dayMinutes, {
        targets: ranges(150, '907'),
        networks: 300,
        tag: 'slow',
      }),
  },
  {
    name: 'Just below: 150 prefixes with 14 codes a day each, from 300 networks, a week',
    isHonest: false,
    codes: () =>
      robots(150 * 14 * 7, at(15, 0), 7 * dayMinutes, {
        targets: ranges(150, '906'),
        networks: 300,
        tag: 'below',
      }),
  },
  {
    name: 'Spread over 500 networks: 10,000 codes to 5 prefixes in a day',
    isHonest: false,
    codes: () =>
      robots(10_000, at(15, 0), dayMinutes, { targets: ranges(5, '905'), networks: 500, tag: 'spread' }),
  },
  {
    name: 'Someone with 4 networks who wants a town closed, for a week',
    isHonest: false,
    about: isInTownThatWeek,
    codes: () => robots(7 * 600, at(15, 0), 7 * dayMinutes, { targets: town, networks: 4, tag: 'foe' }),
  },
  {
    name: 'Someone with 40 networks who wants a town closed, for a week',
    isHonest: false,
    about: isInTownThatWeek,
    codes: () => robots(7 * 600, at(15, 0), 7 * dayMinutes, { targets: town, networks: 40, tag: 'foes' }),
  },
];
