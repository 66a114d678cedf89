import { sayMoment, sayTimeOfDay } from './say-moment';

/**
 * Names a moment to come, so that it can be waited for: `in 12 minutes (at 2:05:10 PM UTC)`, with its date from twelve
 * hours on. `timeZone` null: UTC.
 */
export function sayWhen(at: Date, now: Date, timeZone: string | null = null): string {
  return `${sayDuration(secondsUntil(at, now))} (${sayAt(at, now, timeZone)})`;
}

/** Names a moment to come by the clock alone: `at 2:05:10 PM EST`, with its date from twelve hours on. */
export function sayAt(at: Date, now: Date, timeZone: string | null): string {
  return secondsUntil(at, now) < 12 * 3600
    ? `at ${sayTimeOfDay(at, timeZone)}`
    : `on ${sayMoment(fullMinute(at), { timeZone, now })}`;
}

function secondsUntil(at: Date, now: Date): number {
  return Math.max(1, Math.ceil((at.getTime() - now.getTime()) / 1000));
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
