import { Temporal } from 'temporal-polyfill';
import { nextAllowedInstant, type QuietWindow } from './quiet-hours';

/** What quiet hours do, by the example of a text that becomes ready ten minutes into them, and of one ready now. */
export type QuietPreview = {
  /** Null: texts are never held, because the hours are off or begin and end at the same time. */
  sample: { readyAt: Date; arrivesAt: Date } | null;
  nowArrivesAt: Date;
  /** False where the number may be in several zones and no instant of a day suits all. */
  suitsAll: boolean;
};

const minutesIntoWindow = 10;

/**
 * Works the example out as the send policy will, both changes of the clock included. In: the window (null: off) and the zones it
 * is held against, the first of which the example's wall time is in.
 *
 * @throws RangeError for a malformed time, an unknown zone or no zone at all
 */
export function previewQuietHours({
  window,
  zones,
  now,
}: {
  window: QuietWindow | null;
  zones: readonly string[];
  now: Date;
}): QuietPreview {
  if (window === null || window.start === window.end) {
    return { sample: null, nowArrivesAt: now, suitsAll: true };
  }
  const readyAt = nextSampleInstant(window, zones[0]!, now);
  const arrives = nextAllowedInstant({ now: readyAt, window, zones });
  const fromNow = nextAllowedInstant({ now, window, zones });
  return {
    sample: { readyAt, arrivesAt: arrives.at },
    nowArrivesAt: fromNow.at,
    suitsAll: arrives.suitsAll && fromNow.suitsAll,
  };
}

/** The next time at which the wall clock of a zone shows ten past the window's start, or its middle if it is shorter. */
function nextSampleInstant({ start, end }: QuietWindow, zone: string, now: Date): Date {
  const from = Temporal.Instant.fromEpochMilliseconds(now.getTime());
  const begins = Temporal.PlainTime.from(start);
  const minutes = (minutesOf(Temporal.PlainTime.from(end)) - minutesOf(begins) + 1440) % 1440;
  const sampleTime = begins.add({ minutes: Math.min(minutesIntoWindow, Math.floor(minutes / 2)) });
  const today = from.toZonedDateTimeISO(zone).toPlainDate();
  for (let days = 0; ; days += 1) {
    const instant = today
      .add({ days })
      .toZonedDateTime({ timeZone: zone, plainTime: sampleTime })
      .toInstant();
    if (Temporal.Instant.compare(instant, from) >= 0) return new Date(instant.epochMilliseconds);
  }
}

function minutesOf(time: Temporal.PlainTime): number {
  return time.hour * 60 + time.minute;
}
