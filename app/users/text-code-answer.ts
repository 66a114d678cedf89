import { answerForm, readField } from '@/app/_forms/form-answer';
import { readConsentVersion } from '@/app/_forms/consent-version';
import type { TextCodeField } from '@/components/forms/factors/TextCodeForm';
import type { FormState } from '@/components/forms/form-state';
import type { TextRefusal } from '@/lib/auth/two-factor/sms-factor';
import { codeIsOnItsWay, explainText } from './factor-words';

/**
 * Whether the form that asks for a code by text brings consent to codes: the box ticked below the wording in force, on the page `page`.
 * Out: the page, null where it was not ticked. An answer: it was ticked below another wording.
 */
export function readCodesConsent(
  formData: FormData,
  page: string,
): { ok: true; agreedOn: string | null } | { ok: false; answer: FormState<TextCodeField> } {
  if (readField(formData, 'tcpaConsent') !== 'on') return { ok: true, agreedOn: null };
  const version = readConsentVersion(formData);
  if (version.ok) return { ok: true, agreedOn: page };
  return { ok: false, answer: answerForm({ fieldErrors: { tcpaConsent: version.words } }) };
}

/** The answer to that form. */
export function answerTextCode(
  texted: { ok: true } | ({ ok: false } & TextRefusal),
  now: Date,
  timeZone: string | null,
): FormState<TextCodeField> {
  if (texted.ok) return answerForm({ tone: 'success', message: codeIsOnItsWay });
  const words = explainText(texted, now, timeZone);
  if (texted.reason === 'no_consent') return answerForm({ fieldErrors: { tcpaConsent: words } });
  return answerForm({ message: words });
}
