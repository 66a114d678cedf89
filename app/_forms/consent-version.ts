import { readField } from '@/app/_forms/form-answer';
import { currentWording } from '@/lib/consent/current-wording';

/**
 * Whether the consent text that this form showed is the one in force: only what was shown may be recorded. A form that does
 * not say which text it showed has shown none.
 */
export function readConsentVersion(formData: FormData): { ok: true } | { ok: false; words: string } {
  const shown = readField(formData, 'consentVersion');
  if (shown === currentWording().version) return { ok: true };
  return {
    ok: false,
    words:
      shown === ''
        ? 'We could not tell whether this text was shown to you. Please read it and check the box again.'
        : 'This text has changed since you opened the page. Please read it and check the box again.',
  };
}
