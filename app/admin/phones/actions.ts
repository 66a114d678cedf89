'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { revealAnswers } from '@/app/admin/reveal-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { formatPhone } from '@/lib/phone/parse';
import { revealNumber } from '@/lib/auth/admin/reveal-contact';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { parseNumberFilter } from '@/lib/reporting/number-filter';
import { openPhoneId, sealPhoneId } from '@/lib/reporting/phone-id';
import { phonesPath, wholeNumberWords } from './phone-link';

/** Leads to the page of a number, in any spelling. A form that is posted, so that no address ever holds the number. */
export async function findPhoneAction(
  _state: FormState<'phone'>,
  formData: FormData,
): Promise<FormState<'phone'>> {
  await requireRole('/admin', 'admin');
  const form = readForm(z.object({ phone: text }), formData);
  const number = form.ok ? parseNumberFilter(form.fields.phone) : null;
  if (!number?.ok || !('phone' in number.filter)) {
    return answerForm({ fieldErrors: { phone: wholeNumberWords } }, formData, ['phone']);
  }
  redirect(`${phonesPath}/${sealPhoneId(number.filter.phone)}`);
}

/** Shows a number, this once, to an admin who has shown who they are. */
export async function revealNumberAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const admin = await requireRole(phonesPath, 'admin');
  const form = readForm(z.object({ phoneId: text.transform(openPhoneId) }), formData);
  const phone = form.ok ? form.fields.phoneId : null;
  if (phone === null) return answerForm(revealAnswers.gone);
  const revealed = await revealNumber(db(), admin, phone, await readRequestContext());
  return answerForm(
    revealed.ok ? { ...revealAnswers.revealed, shown: formatPhone(phone) } : revealAnswers[revealed.reason],
  );
}
