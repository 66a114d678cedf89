/** Writes how long it takes: `25 seconds`, `4 min 05 s`, `58 minutes`, `2 h 35 min`. Rounded up, so that nobody is too early. */
export function sayDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 100) return whole === 1 ? '1 second' : `${whole} seconds`;
  if (whole < 600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 100) return `${minutes} minutes`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
