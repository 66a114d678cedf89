/** How much happens in one hour of a made-up history. */
export type HistoryHour = {
  from: Date;
  /** People who register. */
  people: number;
  /** Texts of each kind. */
  codes: number;
  updates: number;
  notices: number;
  /** Texts from people. */
  inbound: number;
  /** Codes that robots ask for, all to one range of numbers, and that nobody enters. */
  attack: number;
  /** The part of all texts that the carriers do not deliver. */
  failedShare: number;
  /** How many times longer a delivery takes than usual. */
  slowness: number;
};

export type HistorySize = { people: number; messages: number; days: number };

const hourMs = 3600 * 1000;

/** How busy each hour of a day is, in New York, where most of these people live. */
const byHour = [2, 1, 1, 1, 1, 2, 5, 12, 25, 60, 75, 80, 78, 80, 82, 80, 74, 66, 50, 40, 30, 20, 10, 4];

/** From Sunday on. */
const byWeekday = [0.3, 1.1, 1.15, 1.1, 1.05, 0.9, 0.4];

/** Of all texts; the rest are updates. */
const shares = { codes: 0.32, notices: 0.04, inbound: 0.02, attack: 0.01 };

/**
 * Plans what happened in the hours before `now`: more from month to month, little at night and on weekends, three days on which
 * something new opened, hours in which a carrier was in trouble, and a night on which robots asked for codes. The sums over all
 * hours are exactly the people and messages asked for. The same size and `now` always give the same plan. In: one day at least.
 */
export function planHistory({ people, messages, days }: HistorySize, now: Date): HistoryHour[] {
  const count = days * 24;
  const last = Math.floor(now.getTime() / hourMs) * hourMs - hourMs;
  const hours = Array.from({ length: count }, (_, index) => new Date(last - (count - 1 - index) * hourMs));
  const launches = [0.2, 0.55, 0.85].map((part) => Math.floor(part * days));
  const attackNight = Math.floor(0.7 * days);
  const places = hours.map((from, index) => ({
    ...placeOf(from),
    day: Math.floor(index / 24),
    index,
    count,
  }));
  const busy = places.map((place) => busynessOf(place, launches));
  const isUnderAttack = (place: Place) => place.day === attackNight && place.hour >= 1 && place.hour <= 4;
  const spread = (total: number, weights: readonly number[]) => spreadOver(Math.round(total), weights);
  const texts = {
    people: spread(people, busy),
    codes: spread(messages * shares.codes, busy),
    notices: spread(messages * shares.notices, busy),
    inbound: spread(messages * shares.inbound, busy),
    attack: spread(
      messages * shares.attack,
      places.some(isUnderAttack) ? places.map((place) => (isUnderAttack(place) ? 1 : 0)) : busy,
    ),
  };
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  const others = sum(texts.codes) + sum(texts.notices) + sum(texts.inbound) + sum(texts.attack);
  // The operator's people work by day, and not on weekends.
  const updates = spread(
    messages - others,
    places.map((place, at) => (place.hour >= 8 ? busy[at]! : 0) + 1e-9),
  );
  return hours.map((from, at) => ({
    from,
    people: texts.people[at]!,
    codes: texts.codes[at]!,
    updates: updates[at]!,
    notices: texts.notices[at]!,
    inbound: texts.inbound[at]!,
    attack: texts.attack[at]!,
    ...carriersIn(places[at]!),
  }));
}

type Place = { hour: number; weekday: number; day: number; index: number; count: number };

const newYork = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/New_York',
  weekday: 'short',
  hour: 'numeric',
  hourCycle: 'h23',
});

const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function placeOf(moment: Date): { hour: number; weekday: number } {
  const parts = new Map(newYork.formatToParts(moment).map(({ type, value }) => [type, value]));
  return { hour: Number(parts.get('hour')), weekday: weekdays.indexOf(parts.get('weekday')!) };
}

function busynessOf({ hour, weekday, day, index, count }: Place, launches: readonly number[]): number {
  const growth = 0.5 + index / count;
  const launch = launches.includes(day) ? 4 : launches.includes(day - 1) ? 2 : 1;
  return growth * launch * byHour[hour]! * byWeekday[weekday]! * (0.85 + 0.3 * chance(index));
}

/** Now and then a carrier is in trouble for some hours. */
function carriersIn({ index }: Place): Pick<HistoryHour, 'failedShare' | 'slowness'> {
  const spell = Math.floor(index / 3);
  const isBad = chance(spell + 77_777) < 0.012;
  return isBad
    ? { failedShare: 0.28, slowness: 60 }
    : { failedShare: 0.015 + 0.02 * chance(index + 991), slowness: 1 };
}

/** Whole numbers in proportion to the weights, whose sum is exactly the total. */
function spreadOver(total: number, weights: readonly number[]): number[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  let given = 0;
  return weights.map((weight) => {
    before += weight;
    const until = Math.round((total * before) / all);
    const own = until - given;
    given = until;
    return own;
  });
}

/** From 0 to 1, always the same for the same number (the finalizer of MurmurHash3, which is in the public domain). */
export function chance(of: number): number {
  let h = (of + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}
