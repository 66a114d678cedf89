'use client';

import { useEffect, useState } from 'react';
import styles from './Countdown.module.css';

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

/** The words for a time left: `25 seconds`, `4 min 05 s`, `2 h 35 min`. */
export function sayTimeLeft(leftMs: number): string {
  const seconds = Math.ceil(leftMs / 1_000);
  if (seconds < 100) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
  const minutes = Math.ceil(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The words for an instant that need no clock: `at 14:05:10 UTC`, with the date when it is another day. */
export function sayInstant(until: string, serverNow: string): string {
  const day = until.slice(0, 10) === serverNow.slice(0, 10) ? '' : ` on ${until.slice(0, 10)}`;
  return `at ${until.slice(11, 19)} UTC${day}`;
}

/**
 * The time left until an instant (both ISO in UTC, as `toISOString` gives them): "at 14:05:10 UTC" from the server,
 * "in 25 seconds" once the browser counts, `doneText` at the end, which alone is announced.
 */
export function Countdown({
  until,
  serverNow,
  doneText = 'now',
}: {
  until: string;
  serverNow: string;
  doneText?: string;
}) {
  const leftMs = useTimeLeft(until, serverNow);
  const done = leftMs === null ? until <= serverNow : leftMs === 0;
  return (
    <>
      {done ? null : (
        <time className={styles.time} dateTime={until}>
          {leftMs === null ? sayInstant(until, serverNow) : `in ${sayTimeLeft(leftMs)}`}
        </time>
      )}
      <span role="status">{done ? doneText : null}</span>
    </>
  );
}
