/**
 * Whether the clocks of two zones agree all year, by whatever names: `Asia/Kolkata` is `Asia/Calcutta`, and browsers
 * differ in which of them they say. False for what is no zone.
 */
export function sameClock(zone: string, other: string): boolean {
  const clock = readClock(zone);
  return clock !== null && clock === readClock(other);
}

/** What the clocks of a zone show at the beginnings of the months of a year. */
function readClock(timeZone: string): string | null {
  if (timeZone === '') return null;
  try {
    const clock = new Intl.DateTimeFormat('en', { timeZone, dateStyle: 'short', timeStyle: 'short' });
    return Array.from({ length: 12 }, (_, month) => clock.format(Date.UTC(2026, month))).join();
  } catch {
    return null;
  }
}
