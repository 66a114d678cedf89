import type { FormState } from '@/components/forms/form-state';
import type { QuietHoursField } from '@/components/forms/QuietHoursForm';
import type { QuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { readTimeZone } from '@/lib/time-zones';

/** Reads the quiet hours' fields, of a form or of a query; a check box is `on` or missing. */
export function readQuietHours(
  field: (name: QuietHoursField) => string,
): { ok: true; hours: QuietHours } | { ok: false; fieldErrors: FormState<QuietHoursField>['fieldErrors'] } {
  const quietHoursStart = readTime(field('quietHoursStart'));
  const quietHoursEnd = readTime(field('quietHoursEnd'));
  const typedZone = field('timeZone').trim();
  const timeZone = typedZone === '' ? null : readTimeZone(typedZone);
  const fieldErrors: FormState<QuietHoursField>['fieldErrors'] = {};
  if (quietHoursStart === null) fieldErrors.quietHoursStart = 'Enter a time, such as 8:00 PM.';
  if (quietHoursEnd === null) fieldErrors.quietHoursEnd = 'Enter a time, such as 9:00 AM.';
  if (typedZone !== '' && timeZone === null) {
    fieldErrors.timeZone = 'We do not know this time zone. Pick one from the list, such as America/New_York.';
  }
  if (quietHoursStart === null || quietHoursEnd === null || Object.keys(fieldErrors).length > 0) {
    return { ok: false, fieldErrors };
  }
  const quietHoursEnabled = field('quietHoursEnabled') === 'on';
  return { ok: true, hours: { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } };
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
