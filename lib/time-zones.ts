import { Temporal } from 'temporal-polyfill';
import { cityOf } from './zone-city';

const listedZones: readonly string[] = Intl.supportedValuesOf('timeZone').filter((zone) =>
  zone.includes('/'),
);

const longestName = 64;
const rememberedNames = 1_000;
const remembered = new Map<string, string | null>();

/**
 * The canonical IANA name of a zone that everything here can reckon in and write times of (`US/Pacific`:
 * `America/Los_Angeles`), whatever its case; null for every other name, and for none.
 *
 * Intl alone is no judge: it takes two dozen names that IANA does not have (`PST`, `IST`) and that Temporal throws at.
 * Offsets such as `+05:00` are no zones. Whatever is stored of strangers, or was by an earlier version, goes through here.
 */
export function canonicalZone(name: string | null | undefined): string | null {
  if (!name || name.length > longestName || !/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return null;
  const key = name.toLowerCase();
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const answer = findCanonicalZone(name);
  if (remembered.size >= rememberedNames) remembered.clear();
  remembered.set(key, answer);
  return answer;
}

function findCanonicalZone(name: string): string | null {
  try {
    const canonical = new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
    for (const zone of [name, canonical]) reckonIn(zone);
    return canonical;
  } catch {
    return null;
  }
}

/** Does once with a zone what quiet hours do with it; throws where it cannot be done. */
function reckonIn(zone: string): void {
  const local = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
  local.getTimeZoneTransition('next');
  local.toPlainDateTime().toZonedDateTime(zone);
  local.toPlainDate().toZonedDateTime({ timeZone: zone, plainTime: local.toPlainTime() });
}

/**
 * Zones that a person may choose and whose clocks show the same: `words` are the time there and their general name, `names` what a
 * person types (`nameZone`). Grouped, so that a page names each clock once.
 */
export type ListedClock = { words: string; names: readonly string[] };

/** As of a minute. */
let listed: { minute: number; clocks: readonly ListedClock[] } | undefined;
const generalNames = new Map<string, string>();
const names = new Map<string, string>();

/** What a person calls a zone: its city where no other has that name, else the IANA name with spaces. `readTimeZone` reads both. */
export function nameZone(zone: string): string {
  const known = names.get(zone);
  if (known !== undefined) return known;
  const city = cityOf(zone);
  const name = readTimeZone(city) === zone ? city : zone.replace(/_/g, ' ');
  names.set(zone, name);
  return name;
}

/** Every zone that a person may choose, by what its clocks show now. */
export function listTimeZones(now: Date): readonly ListedClock[] {
  const minute = Math.floor(now.getTime() / 60_000);
  if (listed?.minute !== minute) {
    const clocks = new Map<string, string[]>();
    for (const zone of listedZones) {
      const words = `${timeIn(zone, now)} · ${generalNameOf(zone)}`;
      const names = clocks.get(words);
      if (names) names.push(nameZone(zone));
      else clocks.set(words, [nameZone(zone)]);
    }
    listed = { minute, clocks: [...clocks].map(([words, names]) => ({ words, names })) };
  }
  return listed.clocks;
}

/** IANA has `EST` as well: a zone without summer time, which hardly anyone means who types it. `MST` may be Arizona’s, and stays that. */
const americanClocks = new Map(
  Object.entries({
    'America/New_York': ['eastern', 'et', 'est', 'edt'],
    'America/Chicago': ['central', 'ct', 'cst', 'cdt'],
    'America/Denver': ['mountain', 'mt', 'mdt'],
    'America/Los_Angeles': ['pacific', 'pt', 'pst', 'pdt'],
    'America/Anchorage': ['alaska', 'akst', 'akdt'],
    'Pacific/Honolulu': ['hawaii', 'hst'],
  }).flatMap(([zone, names]) => names.map((name) => [name, zone] as const)),
);

/**
 * Reads a zone as a person types it: what clocks in the United States are called (`EST`, `Eastern Time`), an IANA name in any case,
 * with spaces for underscores, or the city alone (`new york`). Null: there is no such zone, or several cities of that name. Offsets such as `+05:00` are no zones.
 */
export function readTimeZone(raw: string): string | null {
  const typed = raw.trim().replace(/\s+/g, '_');
  const american = americanClocks.get(typed.toLowerCase().replace(/_(standard_|daylight_)?time$/, ''));
  if (american !== undefined) return american;
  const zone = canonicalZone(typed);
  if (zone !== null || typed === '' || typed.length > longestName) return zone;
  const plain = typed.toLowerCase();
  const cities = listedZones.filter((each) => each.toLowerCase().endsWith(`/${plain}`));
  return cities.length === 1 ? cities[0]! : null;
}

/** `8:05 PM`. */
function timeIn(timeZone: string, now: Date): string {
  return now
    .toLocaleTimeString('en-US', { timeZone, hour: 'numeric', minute: '2-digit' })
    .replace('\u202f', ' ');
}

function generalNameOf(timeZone: string): string {
  const known = generalNames.get(timeZone);
  if (known !== undefined) return known;
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longGeneric' }).formatToParts();
  const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? timeZone;
  generalNames.set(timeZone, name);
  return name;
}
