import { sayMoment, sayTimeOfDay } from './say-moment';

/**
 * Names a moment to come, so that it can be waited for: `in 12 minutes (at 2:05:10 PM UTC)`, with its date from twelve
 * hours on. `timeZone` null: UTC.
 */
export function sayWhen(at: Date, now: Date, timeZone: string | null = null): string {
  const seconds = Math.max(1, Math.ceil((at.getTime() - now.getTime()) / 1000));
  const moment =
    seconds < 12 * 3600 ? `at ${sayTimeOfDay(at, timeZone)}` : sayMoment(fullMinute(at), { timeZone, now });
  return `${sayDuration(seconds)} (${moment})`;
}

/** The first full minute not before it: a moment without its seconds would be too early. */
function fullMinute(at: Date): Date {
  return new Date(Math.ceil(at.getTime() / 60_000) * 60_000);
}

function sayDuration(seconds: number): string {
  if (seconds < 100) return seconds === 1 ? 'in 1 second' : `in ${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return `in ${minutes} minutes`;
  return `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
