import { writeLogMoment, writeMoment, writeTime } from '@/components/ui/time/write-moment';
import { env } from '@/lib/env';

/** How moments are said to someone: `timeZone` IANA, null: not known, so in the zone of the reports; `now` spares them the year they are in. */
export type Clock = { timeZone: string | null; now?: Date };

/** Writes a moment: `Tue, Nov 24, 8:05 PM EST`, with the year when it is another than now's, or when no `now` is given. */
export function sayMoment(at: Date, { timeZone, now }: Clock): string {
  return writeMoment(at, { timeZone: knownZone(timeZone), now, namesZone: true });
}

/** Writes a moment of a log, exact to the second: `Nov 24, 8:05:10 PM EST`; with the year when it is another than now's. */
export function sayLogMoment(at: Date, { timeZone, now }: Required<Clock>): string {
  return writeLogMoment(at, { timeZone: knownZone(timeZone), now, namesZone: true });
}

/** Writes a moment of the coming days in a zone that is said beside it: `Tue 8:00 AM`. */
export function sayWeekday(at: Date, timeZone: string): string {
  return `${format(at, timeZone, { weekday: 'short' })} ${sayClock(at, timeZone)}`;
}

/** Writes what the clocks of a zone show that is said beside it: `8:05 PM`. */
export function sayClock(at: Date, timeZone: string): string {
  return format(at, timeZone, { hour: 'numeric', minute: '2-digit' });
}

/** Writes a time of day to the minute, rounded down: `8:05 PM EST`. */
export function sayMinuteOfDay(at: Date, timeZone: string | null): string {
  return format(at, timeZone, { hour: 'numeric', minute: '2-digit', timeZoneName: 'short' });
}

/** Writes a wall time, `HH:MM`, which is in no zone: `8:05 PM`. */
export function sayWallTime(time: string): string {
  return format(new Date(`1970-01-01T${time}Z`), 'UTC', { hour: 'numeric', minute: '2-digit' });
}

/** Writes a time of day: `8:05:10 PM EST`. */
export function sayTimeOfDay(at: Date, timeZone: string | null): string {
  return format(at, timeZone, {
    hour: 'numeric',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
}

/** Writes a calendar day, `YYYY-MM-DD`, which is in no zone: `Tue, Nov 24, 2026`; what is none stays as it is. */
export function sayCalendarDay(day: string): string {
  const at = new Date(`${day}T00:00Z`);
  if (!isMoment(at)) return day;
  return format(at, 'UTC', { weekday: 'short', month: 'short', day: 'numeric', year: 'numeric' });
}

/** Whether it is a moment at all: PostgreSQL has some that are none here, `infinity` and the year 290000. */
export function isMoment(at: Date): boolean {
  return !Number.isNaN(at.getTime());
}

function format(at: Date, timeZone: string | null, parts: Intl.DateTimeFormatOptions): string {
  return writeTime(at, { ...parts, timeZone: knownZone(timeZone) });
}

function knownZone(timeZone: string | null): string {
  return timeZone ?? env().reportTimeZone;
}
