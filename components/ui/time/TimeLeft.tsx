'use client';

import { useEffect, useState } from 'react';
import { sayDuration } from './say-duration';

/** A moment to come: `at` ISO in UTC, `words` what to call it where no script counts. */
export type FutureMoment = { at: string; words: string };

/** A browser's clock within this distance of the server's is taken as right. */
const toleratedSkewMs = 2_000;

/**
 * Milliseconds left until an instant, by the server's clock; null before the browser has taken over. Counts only
 * while something is left.
 */
export function useTimeLeft(until: string | null, serverNow: string): number | null {
  const [leftMs, setLeftMs] = useState<number | null>(null);
  useEffect(() => {
    if (until === null) return;
    const skewMs = Date.now() - Date.parse(serverNow);
    const end = Date.parse(until) + (Math.abs(skewMs) > toleratedSkewMs ? skewMs : 0);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tick = () => {
      clearTimeout(timer);
      const left = Math.max(0, end - Date.now());
      setLeftMs(left);
      if (left > 0) timer = setTimeout(tick, left % 1_000 || 1_000);
    };
    tick();
    document.addEventListener('visibilitychange', tick);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', tick);
    };
  }, [until, serverNow]);
  return until === null ? 0 : leftMs;
}

/** The time left until a moment, as the browser counts it (`useTimeLeft`); until it does, the words of the server. */
export function TimeLeft({
  until,
  leftMs,
  begins = false,
}: {
  until: FutureMoment;
  leftMs: number | null;
  /** It begins a sentence. */
  begins?: boolean;
}) {
  const words = leftMs === null ? until.words : `in ${sayDuration(leftMs / 1_000)}`;
  return (
    <time dateTime={until.at}>{begins ? `${words.charAt(0).toUpperCase()}${words.slice(1)}` : words}</time>
  );
}
