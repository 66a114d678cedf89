import { refresh } from 'next/cache';
import { z } from 'zod';
import { sayPhoneRefusal } from '@/app/_format/phone-words';
import type { FormState } from '@/components/forms/form-state';
import type { NumberField } from '@/components/forms/settings/NumberForm';
import { readServedPhone } from '@/lib/phone/served';
import { readField } from './form-answer';
import { readConsentVersion } from './consent-version';
import { readForm, text, ticked } from './read-form';

const numberForm = z.object({
  phone: text.transform((typed, context) => {
    const phone = readServedPhone(typed);
    if (phone.ok) return phone.value;
    context.addIssue({ code: 'custom', message: sayPhoneRefusal(phone.reason) });
    return z.NEVER;
  }),
  tcpaConsent: ticked('We need your agreement to text this number.'),
});

/**
 * Reads a number with consent to texts at it, and whether updates are wanted there, where the form asks. `phone` is E.164. Refused, it says which fields to keep: a tick only where it
 * was set below the consent text in force; else the page is shown again with that text.
 */
export function readNumberForm(formData: FormData):
  | { ok: true; phone: string; wantsUpdates: boolean }
  | {
      ok: false;
      fieldErrors: FormState<NumberField>['fieldErrors'];
      keep: readonly ('phone' | 'tcpaConsent')[];
    } {
  const form = readForm(numberForm, formData);
  const consent = readConsentVersion(formData);
  if (form.ok && consent.ok) {
    return { ok: true, phone: form.fields.phone, wantsUpdates: readField(formData, 'smsOptIn') === 'on' };
  }
  const fieldErrors: FormState<NumberField>['fieldErrors'] = form.ok ? {} : form.fieldErrors;
  if (!consent.ok && fieldErrors.tcpaConsent === undefined) {
    fieldErrors.tcpaConsent = consent.words;
    refresh();
  }
  return { ok: false, fieldErrors, keep: consent.ok ? ['phone', 'tcpaConsent'] : ['phone'] };
}
