/** Writes how long it takes: `25 seconds`, `4 min 05 s`, `58 minutes`, `2 h 35 min`, `3 days`. Rounded up, so that nobody is too early. */
export function sayDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 100) return whole === 1 ? '1 second' : `${whole} seconds`;
  if (whole < 600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 100) return `${minutes} minutes`;
  const hours = Math.ceil(minutes / 60);
  if (hours >= 48)
    return hours % 24 === 0 ? `${hours / 24} days` : `${Math.floor(hours / 24)} days ${hours % 24} h`;
  return minutes % 60 === 0 ? `${hours} hours` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
