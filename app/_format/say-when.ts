import { sayDuration } from '@/components/ui/time/say-duration';
import { sayMoment, sayTimeOfDay } from './say-moment';

/** From so far off on, a moment has its date. */
const longSeconds = 12 * 3600;

/**
 * Names a moment to come, so that it can be waited for: `in 12 minutes (at 2:05:10 PM EST)`, with its date from twelve
 * hours on. `timeZone` null: nobody knows it, so the clock is left out where the wait alone tells enough.
 */
export function sayWhen(at: Date, now: Date, timeZone: string | null = null): string {
  const seconds = secondsUntil(at, now);
  const wait = `in ${sayDuration(seconds)}`;
  return timeZone === null && seconds < longSeconds ? wait : `${wait} (${sayAt(at, now, timeZone)})`;
}

/** Names a moment to come by the clock alone: `at 2:05:10 PM EST`, with its date from twelve hours on. */
export function sayAt(at: Date, now: Date, timeZone: string | null): string {
  return secondsUntil(at, now) < longSeconds
    ? `at ${sayTimeOfDay(at, timeZone)}`
    : `on ${sayMoment(fullMinute(at), { timeZone, now })}`;
}

function secondsUntil(at: Date, now: Date): number {
  return Math.max(1, (at.getTime() - now.getTime()) / 1000);
}

/** The first full minute not before it: a moment without its seconds would be too early. */
export function fullMinute(at: Date): Date {
  return new Date(Math.ceil(at.getTime() / 60_000) * 60_000);
}
