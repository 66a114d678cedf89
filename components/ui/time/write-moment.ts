/** How a moment is written: `timeZone` IANA, undefined: the zone of the machine that writes it. */
type Writing = {
  timeZone: string | undefined;
  /** Spares a moment the year that it is in itself; without it every moment has its year. */
  now?: Date;
  /** Whether the zone stands behind it: always, unless whoever reads it is known to be in it. */
  namesZone: boolean;
};

/** Writes a moment: `Tue, Nov 24, 8:05 PM EST`. */
export function writeMoment(at: Date, { timeZone, now, namesZone }: Writing): string {
  const year = (date: Date) => writeTime(date, { timeZone, year: 'numeric' });
  return writeTime(at, {
    timeZone,
    weekday: 'short',
    month: 'short',
    day: 'numeric',
    year: now && year(at) === year(now) ? undefined : 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: namesZone ? 'short' : undefined,
  });
}

/** Writes a moment of a log, exact to the second: `Nov 24, 8:05:10 PM EST`. */
export function writeLogMoment(at: Date, { timeZone, now, namesZone }: Writing): string {
  const year = (date: Date) => writeTime(date, { timeZone, year: 'numeric' });
  const day = writeTime(at, {
    timeZone,
    month: 'short',
    day: 'numeric',
    year: now && year(at) === year(now) ? undefined : 'numeric',
  });
  const time = writeTime(at, {
    timeZone,
    hour: 'numeric',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: namesZone ? 'short' : undefined,
  });
  return `${day}, ${time}`;
}

/** Writes the parts of a moment that are asked for, on a clock of twelve hours, with plain spaces. One that is none is unknown. */
export function writeTime(at: Date, parts: Intl.DateTimeFormatOptions): string {
  if (Number.isNaN(at.getTime())) return 'an unknown time';
  return new Intl.DateTimeFormat('en-US', parts).format(at).replace(/[\u202f\u00a0]/g, ' ');
}
