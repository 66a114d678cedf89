import { z } from 'zod';
import { box, readFieldsBy, text } from '@/app/_forms/read-form';
import type { QuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { readTimeZone } from '@/lib/time-zones';

const time = (words: string) =>
  text.transform((typed, context) => {
    const read = readTime(typed);
    if (read !== null) return read;
    context.addIssue({ code: 'custom', message: words });
    return z.NEVER;
  });

/** The fields of the quiet hours, of a form or of a query. */
export const quietHoursForm = z.object({
  quietHoursEnabled: box,
  quietHoursStart: time('Enter a time, such as 8:00 PM.'),
  quietHoursEnd: time('Enter a time, such as 9:00 AM.'),
  timeZone: text.trim().transform((typed, context) => {
    if (typed === '') return null;
    const zone = readTimeZone(typed);
    if (zone !== null) return zone;
    context.addIssue({
      code: 'custom',
      message: 'We do not know this time zone. Pick a city from the list, such as New York.',
    });
    return z.NEVER;
  }),
});

/** Reads them, each from its text. */
export function readQuietHours(
  field: (name: keyof QuietHours) => string,
): { ok: true; fields: QuietHours } | { ok: false; fieldErrors: Partial<Record<keyof QuietHours, string>> } {
  return readFieldsBy(quietHoursForm, field);
}

/** HH:MM of what a time field sends, which may have seconds, or of a time typed by hand, such as `8:00`, `20:00` or `8:00 PM`. */
function readTime(raw: string): string | null {
  const match = /^(\d{1,2}):([0-5]\d)(?::\d{2}(?:\.\d+)?)?(?:\s*([ap])\.?m\.?)?$/i.exec(raw.trim());
  if (!match) return null;
  const [, typedHour, minute, half] = match;
  const hour = Number(typedHour);
  if (half !== undefined && (hour < 1 || hour > 12)) return null;
  const hourOfDay = half === undefined ? hour : (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  return hourOfDay > 23 ? null : `${String(hourOfDay).padStart(2, '0')}:${minute}`;
}
