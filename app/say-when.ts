/** Names a moment to somebody whose clock is unknown: `in 12 minutes (at 14:05:10 UTC)`. */
export function sayWhen(at: Date, now: Date): string {
  const seconds = Math.max(1, Math.ceil((at.getTime() - now.getTime()) / 1000));
  const iso = at.toISOString();
  const date = iso.slice(0, 10) === now.toISOString().slice(0, 10) ? '' : ` on ${iso.slice(0, 10)}`;
  return `${sayDuration(seconds)} (at ${iso.slice(11, 19)} UTC${date})`;
}

function sayDuration(seconds: number): string {
  if (seconds < 100) return seconds === 1 ? 'in 1 second' : `in ${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 100) return `in ${minutes} minutes`;
  return `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
