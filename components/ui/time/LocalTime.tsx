'use client';

import { useHydrated } from '@/components/ui/use-hydrated';
import { writeMoment, writeTime } from './write-moment';

/**
 * A moment where the reader is: as the browser's clock shows it, without a zone. Without JavaScript, and until the browser has
 * taken over, it reads `words`, which name their zone. `at` and `now` ISO in UTC; `now` spares the year, and without it only the
 * time of day is said, rounded down to the minute.
 */
export function LocalTime({ at, now, words }: { at: string; now?: string; words: string }) {
  const hydrated = useHydrated();
  const local = () =>
    now === undefined
      ? writeTime(new Date(at), { hour: 'numeric', minute: '2-digit' })
      : writeMoment(new Date(at), { timeZone: undefined, now: new Date(now), namesZone: false });
  return <time dateTime={at}>{hydrated ? local() : words}</time>;
}
