'use client';

import { cityOf } from '@/lib/zone-city';

/**
 * The time zones that a text field may offer: its `list` names this one's `id`. A search finds a zone by its city, by the time there
 * and by its general name. The page has them once, as options: where scripts run, the browser makes them again from `clocks`.
 */
export function TimeZoneList({
  id,
  clocks,
}: {
  id: string;
  clocks: readonly { words: string; names: readonly string[] }[];
}) {
  const zones = clocks.flatMap(({ words, names }) => names.map((name) => ({ name, words })));
  zones.sort((one, other) => (one.name < other.name ? -1 : 1));
  return (
    <datalist id={id}>
      {zones.map(({ name, words }) => (
        <option key={name} value={name}>{`${cityOf(name)} · ${words}`}</option>
      ))}
    </datalist>
  );
}
