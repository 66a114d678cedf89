/** Writes about how long something takes, in whole words: `1 minute`, `2 hours 50 minutes`, `1 day 4 hours`. Rounded up. */
export function sayRoughly(seconds: number): string {
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  if (minutes < 60) return sayUnits(minutes, 'minute');
  const tens = Math.ceil(minutes / 10);
  const hours = Math.floor(tens / 6);
  if (hours < 24) return sayBoth(sayUnits(hours, 'hour'), (tens % 6) * 10, 'minute');
  const whole = Math.ceil(minutes / 60);
  return sayBoth(sayUnits(Math.floor(whole / 24), 'day'), whole % 24, 'hour');
}

function sayBoth(first: string, rest: number, unit: string): string {
  return rest === 0 ? first : `${first} ${sayUnits(rest, unit)}`;
}

function sayUnits(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count.toLocaleString('en-US')} ${unit}s`;
}
