'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { reason } from '@/app/_forms/reason';
import { askToConfirm, sessionOver } from '@/app/users/password-words';
import type { AdminActionField } from '@/components/forms/staff/AdminActionForm';
import type { PumpingOrderField } from '@/components/forms/staff/PumpingOrderForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { endPumpingOrder, longestOrderDays, orderPumping } from '@/lib/auth/admin/order-pumping';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { parseNumberFilter } from '@/lib/reporting/number-filter';

const here = '/admin/pumping';

const notAdmin = 'You are no longer an admin. Nothing was changed.';
const daysError = `Enter a whole number from 1 to ${longestOrderDays}.`;

const orderForm = z.object({
  phone: text.transform((typed, check) => {
    const number = parseNumberFilter(typed);
    if (number.ok && 'phone' in number.filter) return number.filter.phone;
    check.addIssue({
      code: 'custom',
      message: 'Enter all of a number, with the + and the country code where it is from another country.',
    });
    return z.NEVER;
  }),
  about: z.enum(['number', 'range'], { error: 'Choose what it is for.' }),
  kind: z.enum(['allowed', 'blocked'], { error: 'Choose whether codes are sent.' }),
  days: text
    .trim()
    .regex(/^[0-9]{1,3}$/, daysError)
    .transform(Number),
  reason,
});

/** Blocks or allows codes to a new number or a range of them, by an admin who has shown who they are. */
export async function orderPumpingAction(
  _state: FormState<PumpingOrderField>,
  formData: FormData,
): Promise<FormState<PumpingOrderField>> {
  const admin = await requireRole(here, 'admin');
  const kept = ['phone', 'about', 'kind', 'days', 'reason'] as const;
  const form = readForm(orderForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const done = await orderPumping(db(), admin, form.fields, await readRequestContext());
  if (done.ok) redirect(`${here}?saved=${form.fields.kind}`);
  switch (done.reason) {
    case 'wrong_days':
      return answerForm({ fieldErrors: { days: daysError } }, formData, kept);
    case 'confirm_first':
      return answerForm(askToConfirm, formData, kept);
    case 'not_open':
      return answerForm({ message: sessionOver }, formData, kept);
    case 'not_admin':
      return answerForm({ message: notAdmin }, formData, kept);
  }
}

const endForm = z.object({ order: text, reason });

/** Ends a closure or an order before its time, by an admin who has shown who they are. */
export async function endPumpingOrderAction(
  _state: FormState<AdminActionField>,
  formData: FormData,
): Promise<FormState<AdminActionField>> {
  const admin = await requireRole(here, 'admin');
  const form = readForm(endForm, formData);
  if (!form.ok) {
    return answerForm({ fieldErrors: { reason: form.fieldErrors.reason } }, formData, ['reason']);
  }
  const { order: id, reason: why } = form.fields;
  const done = await endPumpingOrder(db(), admin, { id, reason: why }, await readRequestContext());
  if (done.ok || done.reason === 'settled') redirect(`${here}?saved=${done.ok ? 'ended' : 'settled'}`);
  switch (done.reason) {
    case 'confirm_first':
      return answerForm(askToConfirm, formData, ['reason']);
    case 'not_open':
      return answerForm({ message: sessionOver }, formData, ['reason']);
    case 'not_admin':
      return answerForm({ message: notAdmin }, formData, ['reason']);
  }
}
