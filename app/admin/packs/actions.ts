'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { readForm } from '@/app/_forms/read-form';
import { readDays, reportDay } from '@/app/admin/exports/export-days';
import { tooManyUnderWayWords } from '@/app/admin/exports/export-words';
import { wholeNumberWords } from '@/app/admin/phones/phone-link';
import { askToConfirm } from '@/app/users/password-words';
import type { PackField } from '@/components/forms/staff/PackForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { removeExport } from '@/lib/exports/export-jobs';
import { requestPack, type PackAbout } from '@/lib/exports/packs';
import { isId } from '@/lib/random';
import { parseNumberFilter } from '@/lib/reporting/number-filter';
import { openPhoneId } from '@/lib/reporting/phone-id';
import { packsPath } from './packs-path';

const fields = ['phone', 'first', 'last'] as const;

const packForm = z.object({ first: reportDay, last: reportDay });

/** Starts an evidence pack. The answer to an admin who has to show who they are first keeps what was chosen. */
export async function startPackAction(
  _state: FormState<PackField>,
  formData: FormData,
): Promise<FormState<PackField>> {
  const admin = await requireRole(packsPath, 'admin');
  const form = readForm(packForm, formData);
  const about = readAbout(
    readField(formData, 'person'),
    readField(formData, 'phoneId'),
    readField(formData, 'phone'),
  );
  const noNumber = about === null ? { phone: wholeNumberWords } : {};
  if (!form.ok) return answerForm({ fieldErrors: { ...noNumber, ...form.fieldErrors } }, formData, fields);
  const context = await readRequestContext();
  const days = readDays(form.fields, context.now);
  if (!days.ok || about === null) {
    const fieldErrors = { ...noNumber, ...(days.ok ? {} : days.fieldErrors) };
    return answerForm({ fieldErrors }, formData, fields);
  }
  if (about === 'gone') return answerForm({ message: nobodyWords }, formData, fields);
  const answer = await requestPack(db(), admin, { about, ...days.period }, context);
  if (answer.ok) redirect(`${packsPath}?saved=started`);
  switch (answer.reason) {
    case 'nobody':
      return answerForm({ message: nobodyWords }, formData, fields);
    case 'too_many_under_way':
      return answerForm({ message: tooManyUnderWayWords }, formData, fields);
    default:
      return answerForm<PackField>(askToConfirm, formData, fields);
  }
}

const nobodyWords =
  'There is no such account any more. Nothing was started. Go back to all packs and enter the phone number instead: it finds what the account left.';

/**
 * About whom: what the page was opened for, or the number that was typed. `gone`: what the page was opened for is none of ours. Null:
 * what was typed is no whole number.
 */
function readAbout(person: string, phoneId: string, typed: string): PackAbout | 'gone' | null {
  if (person !== '') return isId(person) ? { userId: person } : 'gone';
  if (phoneId !== '') {
    const phone = openPhoneId(phoneId);
    return phone === null ? 'gone' : { phone };
  }
  const number = parseNumberFilter(typed);
  return number.ok && 'phone' in number.filter ? { phone: number.filter.phone } : null;
}

/** Removes a pack, or ends one that is being written. */
export async function removePackAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const admin = await requireRole(packsPath, 'admin');
  const removed = await removeExport(db(), admin, readField(formData, 'export'), await readRequestContext());
  if (removed) redirect(`${packsPath}?saved=removed`);
  refresh();
  return answerForm({ message: 'This pack was removed already.' });
}
