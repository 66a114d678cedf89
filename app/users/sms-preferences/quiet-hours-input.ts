import type { FormState } from '@/components/form-state';
import type { QuietHoursField } from '@/components/QuietHoursForm';
import type { QuietHours } from '@/lib/sms/preferences';
import { readTimeZone } from '@/lib/sms/time-zones';

/** Reads the quiet hours' fields, of a form or of a query; a check box is `on` or missing. */
export function readQuietHours(
  field: (name: QuietHoursField) => string,
): { ok: true; hours: QuietHours } | { ok: false; fieldErrors: FormState<QuietHoursField>['fieldErrors'] } {
  const quietHoursStart = readTime(field('quietHoursStart'));
  const quietHoursEnd = readTime(field('quietHoursEnd'));
  const typedZone = field('timeZone').trim();
  const timeZone = typedZone === '' ? null : readTimeZone(typedZone);
  const fieldErrors: FormState<QuietHoursField>['fieldErrors'] = {};
  if (quietHoursStart === null) fieldErrors.quietHoursStart = 'Enter a time, such as 20:00.';
  if (quietHoursEnd === null) fieldErrors.quietHoursEnd = 'Enter a time, such as 09:00.';
  if (typedZone !== '' && timeZone === null) {
    fieldErrors.timeZone = 'We do not know this time zone. Pick one from the list, such as America/New_York.';
  }
  if (quietHoursStart === null || quietHoursEnd === null || Object.keys(fieldErrors).length > 0) {
    return { ok: false, fieldErrors };
  }
  const quietHoursEnabled = field('quietHoursEnabled') === 'on';
  return { ok: true, hours: { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } };
}

/** HH:MM of what a time field sends, which may have seconds or, typed by hand, one digit for the hour. */
function readTime(raw: string): string | null {
  const match = /^([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-9]{2}(?:\.[0-9]+)?)?$/.exec(raw.trim());
  return match ? `${match[1]!.padStart(2, '0')}:${match[2]}` : null;
}
