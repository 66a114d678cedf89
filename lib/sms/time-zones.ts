const canonicalZones: readonly string[] = Intl.supportedValuesOf('timeZone').filter((zone) =>
  zone.includes('/'),
);

let listed: readonly { zone: string; words: string }[] | undefined;

/** Every IANA zone a person may choose, with words that a search finds it by: its general name and its city. */
export function listTimeZones(): readonly { zone: string; words: string }[] {
  listed ??= canonicalZones.map((zone) => ({ zone, words: `${cityOf(zone)} · ${nameOf(zone)}` }));
  return listed;
}

/**
 * Reads a zone as a person types it: an IANA name in any case, with spaces for underscores, or the city alone
 * (`new york`). Null: there is no such zone, or several cities of that name. Offsets such as `+05:00` are no zones.
 */
export function readTimeZone(raw: string): string | null {
  const typed = raw.trim().replace(/\s+/g, '_');
  if (typed === '' || typed.length > 64 || !/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(typed)) return null;
  const plain = typed.toLowerCase();
  const exact = canonicalZones.find((zone) => zone.toLowerCase() === plain);
  if (exact !== undefined) return exact;
  const cities = canonicalZones.filter((zone) => zone.toLowerCase().endsWith(`/${plain}`));
  if (cities.length > 0) return cities.length === 1 ? cities[0]! : null;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: typed });
    return typed;
  } catch {
    return null;
  }
}

function cityOf(zone: string): string {
  return zone.slice(zone.lastIndexOf('/') + 1).replace(/_/g, ' ');
}

function nameOf(timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longGeneric' }).formatToParts();
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? timeZone;
}
