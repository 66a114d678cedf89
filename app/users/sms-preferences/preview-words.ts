import { sayMinuteOfDay, sayWeekday } from '@/app/_format/say-moment';
import { candidateZones, zonesOfUnknownPlace } from '@/lib/phone/zones';
import type { QuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { previewQuietHours } from '@/lib/sms/preferences/quiet-preview';

/** Says by an example what quiet hours do. In: the hours as typed, the person's number where there is no zone, the time now. */
export async function sayPreview(hours: QuietHours, phone: string | null, now: Date): Promise<string> {
  if (!hours.quietHoursEnabled) return 'Without quiet hours, a text goes out as soon as it is ready.';
  const window = { start: hours.quietHoursStart, end: hours.quietHoursEnd };
  if (window.start === window.end) {
    return 'They start and end at the same time, so no text is held back.';
  }
  const zones = await zonesOf(hours, phone);
  const zone = zones[0]!;
  const { sample, nowArrivesAt } = previewQuietHours({ window, zones, now });
  const sentences: string[] = [];
  if (sample) {
    sentences.push(
      `A text at ${sayMinuteOfDay(sample.readyAt, zone)} would arrive ${sayWeekday(sample.arrivesAt, zone)}.`,
    );
  }
  sentences.push(
    nowArrivesAt <= now
      ? 'One sent now would arrive right away.'
      : `One sent now would arrive ${sayWeekday(nowArrivesAt, zone)}.`,
  );
  if (zones.length > 1) {
    sentences.push(
      'Your number could be in several time zones, so we pick a time that suits all of them. Choose your time zone to be exact.',
    );
  }
  return sentences.join(' ');
}

/** When quiet hours would let a text go that is ready now; now itself where nothing holds it. */
export async function findHeldUntil(hours: QuietHours, phone: string | null, now: Date): Promise<Date> {
  if (!hours.quietHoursEnabled) return now;
  const window = { start: hours.quietHoursStart, end: hours.quietHoursEnd };
  return previewQuietHours({ window, zones: await zonesOf(hours, phone), now }).nowArrivesAt;
}

async function zonesOf(hours: QuietHours, phone: string | null): Promise<readonly string[]> {
  if (hours.timeZone) return [hours.timeZone];
  return phone === null ? zonesOfUnknownPlace : candidateZones(phone);
}
