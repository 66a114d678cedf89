/** `400 days`, or `5 years` where it is years. */
export function sayDays(days: number): string {
  const years = days / 365;
  if (Number.isInteger(years)) return years === 1 ? '1 year' : `${years} years`;
  return days === 1 ? '1 day' : `${days.toLocaleString('en-US')} days`;
}
