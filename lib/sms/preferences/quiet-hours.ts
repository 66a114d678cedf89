import { Temporal } from 'temporal-polyfill';

/** A daily window of wall time without texts, `HH:MM` each; it may run over midnight, and equal ends mean none. */
export interface QuietWindow {
  start: string;
  end: string;
}

/**
 * Inside the hours every US state allows for solicitations on weekdays but Rhode Island (47 CFR 64.1200(c)(1) and the
 * stricter state laws), though status texts are not even that.
 */
export const defaultQuietWindow: QuietWindow = { start: '20:00', end: '09:00' };

const horizonHours = 24;
// Where clocks go back, or the allowed minutes fall into a gap, a single zone's next allowed instant is further away.
const widestHorizonHours = 73;

/**
 * Finds the earliest instant, from `now` on, at which a text may arrive: when the wall clock of every zone is outside the
 * quiet window.
 *
 * @param now when the text is ready; answered as it is when the text may go at once
 * @param zones IANA names, at least one; several are the candidates for a number whose zone is unknown
 * @returns `at`, and `suitsAll: false` when no instant of the next 24 hours suits every zone: then `at` is the earliest of
 *   those that suit the most zones, and the caller logs it
 * @throws RangeError for a malformed time, an unknown zone or no zone at all
 */
export function nextAllowedInstant({
  now,
  window,
  zones,
}: {
  now: Date;
  window: QuietWindow;
  zones: readonly string[];
}): { at: Date; suitsAll: boolean } {
  const quiet = { start: readTime(window.start), end: readTime(window.end) };
  const distinctZones = [...new Set(zones)];
  if (distinctZones.length === 0) throw new RangeError('Quiet hours need at least one time zone');

  const from = Temporal.Instant.fromEpochMilliseconds(now.getTime());
  let best = { at: now, suited: countAllowed(from, quiet, distinctZones) };
  if (best.suited === distinctZones.length) return { at: now, suitsAll: true };

  // Quiet turns into allowed only where a wall clock reaches the window's end or a change of offset jumps out of it.
  const ends = distinctZones.flatMap((zone) => listWallTimes(from, quiet.end, zone));
  ends.sort(Temporal.Instant.compare);
  const horizon = from.add({ hours: horizonHours });
  for (const instant of ends) {
    if (Temporal.Instant.compare(instant, from) <= 0) continue;
    if (Temporal.Instant.compare(instant, horizon) > 0 && best.suited > 0) break;
    const suited = countAllowed(instant, quiet, distinctZones);
    if (suited > best.suited) best = { at: new Date(instant.epochMilliseconds), suited };
    if (suited === distinctZones.length) break;
  }
  return { at: best.at, suitsAll: best.suited === distinctZones.length };
}

/**
 * Finds the first instant after `now` at which the quiet window begins for one of the zones that are outside it at `now`: until
 * then a text may arrive wherever it may now.
 *
 * @returns null where there is no quiet window (its ends are equal), or every zone is inside it already
 * @throws RangeError for a malformed time or an unknown zone
 */
export function nextQuietInstant({
  now,
  window,
  zones,
}: {
  now: Date;
  window: QuietWindow;
  zones: readonly string[];
}): Date | null {
  const begins = [...new Set(zones)]
    .map((zone) => findQuietStart(now.getTime(), window, zone))
    .filter((beginMs) => beginMs !== null);
  return begins.length === 0 ? null : new Date(Math.min(...begins));
}

/** A zone's next quiet start is the same for every moment from the one it was asked at: a wide answer that many texts share. */
const rememberedStarts = new Map<string, { fromMs: number; beginMs: number }>();
const mostRemembered = 5_000;

function findQuietStart(nowMs: number, window: QuietWindow, zone: string): number | null {
  const key = `${window.start} ${window.end} ${zone}`;
  const known = rememberedStarts.get(key);
  if (known && known.fromMs <= nowMs && nowMs < known.beginMs) return known.beginMs;
  const quiet = { start: readTime(window.start), end: readTime(window.end) };
  const from = Temporal.Instant.fromEpochMilliseconds(nowMs);
  if (countAllowed(from, quiet, [zone]) === 0) return null;
  // Allowed turns into quiet only where a wall clock reaches the window's start or a change of offset jumps into it.
  const begins = listWallTimes(from, quiet.start, zone)
    .filter((instant) => Temporal.Instant.compare(instant, from) > 0)
    .filter((instant) => countAllowed(instant, quiet, [zone]) === 0)
    .map((instant) => instant.epochMilliseconds);
  if (begins.length === 0) return null;
  const beginMs = Math.min(...begins);
  if (rememberedStarts.size >= mostRemembered) rememberedStarts.clear();
  rememberedStarts.set(key, { fromMs: nowMs, beginMs });
  return beginMs;
}

interface QuietTimes {
  start: Temporal.PlainTime;
  end: Temporal.PlainTime;
}

/** Whether a text is a time of day as a window has it: `HH:MM`. */
export function isTimeOfDay(text: string): boolean {
  return /^(?:[01][0-9]|2[0-3]):[0-5][0-9]$/.test(text);
}

function readTime(time: string): Temporal.PlainTime {
  if (!isTimeOfDay(time)) throw new RangeError('A time of day is written HH:MM');
  return Temporal.PlainTime.from(time);
}

function countAllowed(instant: Temporal.Instant, quiet: QuietTimes, zones: readonly string[]): number {
  return zones.filter((zone) => !isQuiet(instant.toZonedDateTimeISO(zone).toPlainTime(), quiet)).length;
}

function isQuiet(time: Temporal.PlainTime, { start, end }: QuietTimes): boolean {
  const fromStart = Temporal.PlainTime.compare(time, start) >= 0;
  const beforeEnd = Temporal.PlainTime.compare(time, end) < 0;
  switch (Temporal.PlainTime.compare(start, end)) {
    case 0:
      return false;
    case 1:
      return fromStart || beforeEnd;
    default:
      return fromStart && beforeEnd;
  }
}

/** When a zone's wall clock shows a time in the days around `from`, and when its offset changes. */
function listWallTimes(from: Temporal.Instant, time: Temporal.PlainTime, zone: string): Temporal.Instant[] {
  const last = from.add({ hours: widestHorizonHours });
  const local = from.toZonedDateTimeISO(zone);
  const instants: Temporal.Instant[] = [];
  for (let days = -1; days <= 4; days += 1) {
    const wall = local.toPlainDate().add({ days }).toPlainDateTime(time);
    for (const disambiguation of ['earlier', 'later'] as const) {
      instants.push(wall.toZonedDateTime(zone, { disambiguation }).toInstant());
    }
  }
  let change = local.getTimeZoneTransition('next');
  while (change && Temporal.Instant.compare(change.toInstant(), last) <= 0) {
    instants.push(change.toInstant());
    change = change.getTimeZoneTransition('next');
  }
  return instants;
}
