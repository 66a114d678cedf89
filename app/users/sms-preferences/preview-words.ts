import { sayClock, sayWallTime, sayWeekday } from '@/app/_format/say-moment';
import type { FormState } from '@/components/forms/form-state';
import { candidateZones, zonesOfUnknownPlace } from '@/lib/phone/zones';
import { nextAllowedInstant } from '@/lib/sms/preferences/quiet-hours';
import type { QuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { cityOf } from '@/lib/zone-city';

/**
 * Says in words what quiet hours do, and whether it is in them now, which promises no text: others may be why none goes out. In: the hours as typed, the person's number, the
 * time now. Whose number says nothing certain about the zone, or who has none, is asked to choose one.
 */
export async function sayPreview(hours: QuietHours, phone: string | null, now: Date): Promise<string> {
  const { quietHoursEnabled, quietHoursStart: start, quietHoursEnd: end, timeZone } = hours;
  if (!quietHoursEnabled) return 'Without quiet hours, a text goes out as soon as it is ready.';
  if (start === end) return 'They start and end at the same time, so no text is held back.';
  const wait = `Texts wait from ${sayWallTime(start)} to ${sayWallTime(end)}`;
  if (timeZone === null && phone === null) {
    return `${wait} where you are. Choose your time zone, so that we know when that is.`;
  }
  const zones = await zonesOf(hours, phone);
  const zone = zones[0]!;
  const { at } = nextAllowedInstant({ now, window: { start, end }, zones });
  const isOutside = at <= now;
  if (zones.length > 1) {
    const inIt = isOutside
      ? 'No text waits now.'
      : `Now they wait until ${sayWeekday(at, zone)}, ${sayCityTime(zone)}.`;
    return `${wait} in each time zone that your number may be in. ${inIt} Choose your time zone to be exact.`;
  }
  return `${wait}, ${sayCityTime(zone)}. It is ${sayClock(now, zone)} there now, ${isOutside ? 'so no text waits' : `so texts wait until ${sayWeekday(at, zone)}`}.`;
}

/** What is said of hours that were saved: that they count, where they do. */
export function answerSaved({
  quietHoursEnabled,
  quietHoursStart,
  quietHoursEnd,
}: QuietHours): Required<Pick<FormState<never>, 'tone' | 'message'>> {
  if (!quietHoursEnabled) return { tone: 'success', message: 'Saved. Your quiet hours are off.' };
  return quietHoursStart === quietHoursEnd
    ? { tone: 'warning', message: 'Saved. No text waits: they start and end at the same time.' }
    : { tone: 'success', message: 'Saved. Your quiet hours count from now on.' };
}

/** What a zone is called: `Tokyo time`. */
export function sayCityTime(zone: string): string {
  return zone.includes('/') ? `${cityOf(zone)} time` : zone;
}

/** When quiet hours would let a text go that is ready now; now itself where nothing holds it. */
export async function findHeldUntil(hours: QuietHours, phone: string | null, now: Date): Promise<Date> {
  if (!hours.quietHoursEnabled) return now;
  const window = { start: hours.quietHoursStart, end: hours.quietHoursEnd };
  return nextAllowedInstant({ window, zones: await zonesOf(hours, phone), now }).at;
}

async function zonesOf(hours: QuietHours, phone: string | null): Promise<readonly string[]> {
  if (hours.timeZone) return [hours.timeZone];
  return phone === null ? zonesOfUnknownPlace : candidateZones(phone);
}
