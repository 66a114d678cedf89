import { readField } from '@/app/form-answer';
import { currentWording } from '@/lib/consent/wording';

/** Whether the consent text that this form showed is the one in force: only what was shown may be recorded. */
export function readConsentVersion(formData: FormData): { ok: true } | { ok: false; words: string } {
  const shown = readField(formData, 'consentVersion');
  if (shown === '' || shown === currentWording.version) return { ok: true };
  return {
    ok: false,
    words: 'This text has changed since you opened the page. Please read it and check the box again.',
  };
}
