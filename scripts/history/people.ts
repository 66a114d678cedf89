import { createHash } from 'node:crypto';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { chance, type HistoryHour } from './plan-history';

/** Someone who registers in a made-up history. */
export type MadePerson = {
  id: string;
  email: string;
  name: string;
  /** E.164, with the exchange 555, which is given to nobody; null: they gave none. */
  phone: string | null;
  at: Date;
  /** They asked to verify it, and did. */
  isProven: boolean;
  wantsUpdates: boolean;
  /** When they text STOP, if ever before `now`. */
  stoppedAt: Date | null;
};

/** Ten thousand numbers for each area code with the exchange 555, fewer than this many people over all of them. */
export const mostPeople = 1_000_000;

const givenNames =
  'Ada Ben Cleo Dan Eva Finn Gia Hugo Ida Jon Kim Leo Mia Ned Ola Pia Quinn Rui Sol Tess'.split(' ');
const familyNames =
  'Alder Birch Cedar Elm Fir Hazel Holly Juniper Larch Linden Maple Oak Pine Rowan Willow'.split(' ');

/** The people who register in the hours of a plan, in order, in pieces of some thousands. */
export function* makePeople(
  plan: readonly HistoryHour[],
  { now, piece }: { now: Date; piece: number },
): Generator<MadePerson[]> {
  const areas = weighAreas();
  const givenOut = new Map<number, number>();
  let people: MadePerson[] = [];
  let n = 0;
  for (const hour of plan) {
    for (let index = 0; index < hour.people; index += 1) {
      n += 1;
      const at = new Date(hour.from.getTime() + Math.floor((index / hour.people) * 3_600_000));
      people.push(makePerson(n, at, { now, areas, givenOut }));
      if (people.length === piece) {
        yield people;
        people = [];
      }
    }
  }
  if (people.length > 0) yield people;
}

/** The account of the person with this number, from 1 on. */
export function idOf(n: number): string {
  const hex = createHash('md5').update(`history:${n}`).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

type Areas = { area: number; until: number }[];

function makePerson(
  n: number,
  at: Date,
  { now, areas, givenOut }: { now: Date; areas: Areas; givenOut: Map<number, number> },
): MadePerson {
  const roll = (salt: number) => chance(n * 16 + salt);
  const given = givenNames[Math.floor(roll(1) * givenNames.length)]!;
  const family = familyNames[Math.floor(roll(2) * familyNames.length)]!;
  const hasPhone = roll(3) < 0.8;
  const isProven = hasPhone && roll(4) < 0.82;
  const stopsAt = at.getTime() + roll(5) * 60 * 24 * 3_600_000;
  const isStopping = isProven && roll(6) < 0.02 && stopsAt < now.getTime();
  return {
    id: idOf(n),
    email: `${given}.${family}.${n}@example.com`.toLowerCase(),
    name: `${given} ${family}`,
    phone: hasPhone ? nextNumber(areas, givenOut, roll(7)) : null,
    at,
    isProven,
    wantsUpdates: hasPhone && roll(8) < 0.9,
    stoppedAt: isStopping ? new Date(stopsAt) : null,
  };
}

/** The area codes of the United States and Canada, some with many more people than others. */
function weighAreas(): Areas {
  const codes = Array.from({ length: 800 }, (_, index) => 200 + index).filter((area) => {
    const parsed = parsePhoneNumberFromString(`+1${area}5550123`);
    return parsed?.isValid() === true && (parsed.country === 'US' || parsed.country === 'CA');
  });
  const weights = codes.map((area) => 1 / (1 + 12 * chance(area)));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let until = 0;
  return codes.map((area, index) => ({ area, until: (until += weights[index]! / all) }));
}

function nextNumber(areas: Areas, givenOut: Map<number, number>, roll: number): string {
  const first = Math.max(
    0,
    areas.findIndex(({ until }) => roll < until),
  );
  for (let step = 0; step < areas.length; step += 1) {
    const { area } = areas[(first + step) % areas.length]!;
    const line = givenOut.get(area) ?? 0;
    if (line > 9_999) continue;
    givenOut.set(area, line + 1);
    // In no order that shows.
    return `+1${area}555${String((line * 7_919) % 10_000).padStart(4, '0')}`;
  }
  throw new RangeError('There are not so many numbers');
}
