'use client';

import { useHydrated } from '@/components/ui/use-hydrated';
import { writeLogMoment, writeMoment, writeTime } from './write-moment';

/**
 * A moment where the reader is: as the browser's clock shows it, without a zone. Without JavaScript, and until the browser has
 * taken over, it reads `words`, which name their zone. `at` and `now` ISO in UTC; `now` spares the year, and without it only the
 * time of day is said, rounded down to the minute. `isLog`: to the second, in one unbroken piece.
 */
export function LocalTime({
  at,
  now,
  words,
  isLog = false,
}: {
  at: string;
  now?: string;
  words: string;
  isLog?: boolean;
}) {
  const hydrated = useHydrated();
  const local = () => {
    if (now === undefined) return writeTime(new Date(at), { hour: 'numeric', minute: '2-digit' });
    const writing = { timeZone: undefined, now: new Date(now), namesZone: false };
    return isLog
      ? writeLogMoment(new Date(at), writing).replaceAll(' ', '\u00a0')
      : writeMoment(new Date(at), writing);
  };
  return <time dateTime={at}>{hydrated ? local() : words}</time>;
}
