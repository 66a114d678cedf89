'use server';

import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { revealAnswers } from '@/app/admin/reveal-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { formatPhone } from '@/lib/phone/parse';
import { revealNumber } from '@/lib/auth/admin/reveal-contact';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { openPhoneId } from '@/lib/reporting/phone-id';
import { phonesPath } from './phone-link';

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
