// Made once: a page writes thousands of figures, and making one of these takes longer than writing with it.
const twoDigits = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const dayFormat = { month: 'short', day: 'numeric', timeZone: 'UTC' } as const;
const dayOfThisYear = new Intl.DateTimeFormat('en-US', dayFormat);
const dayOfAnyYear = new Intl.DateTimeFormat('en-US', { ...dayFormat, year: 'numeric' });

/** Writes millionths of a dollar: cents where it is a dollar or more, else as many digits as it takes; `$0` for nothing. */
export function sayMicros(micros: number): string {
  if (micros === 0) return '$0';
  const sign = micros < 0 ? '-' : '';
  const dollars = Math.abs(micros) / 1_000_000;
  if (dollars >= 1) return `${sign}$${twoDigits.format(dollars)}`;
  return `${sign}$${dollars.toFixed(6).replace(/0{1,4}$/, '')}`;
}

/** Writes seconds: `0.8 s`, `12 s`, `3 min`, `2 h`. Infinity: more than is counted. */
export function saySeconds(seconds: number): string {
  if (seconds === Infinity) return 'over 30 h';
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}

/** Writes a share from 0 to 1: `97.3%`; `–` where there is none. */
export function sayShare(share: number | null): string {
  return share === null ? '–' : `${Number((share * 100).toFixed(1))}%`;
}

/** Writes a whole number: `12,345`. */
export function sayCount(count: number): string {
  return whole.format(Math.round(count));
}

/** Writes a day of a report: `Nov 24`; with the year when it is another than today's. */
export function sayReportDay(day: string, today: string): string {
  const isThisYear = day.slice(0, 4) === today.slice(0, 4);
  return (isThisYear ? dayOfThisYear : dayOfAnyYear).format(new Date(day));
}

/** Writes whose days are counted, by an IANA zone: `New York`. */
export function sayZone(timeZone: string): string {
  return timeZone.slice(timeZone.lastIndexOf('/') + 1).replaceAll('_', ' ');
}
