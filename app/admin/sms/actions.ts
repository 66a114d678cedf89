'use server';

import { redirect } from 'next/navigation';
import { answerForm, readField } from '@/app/_forms/form-answer';
import type { FormState } from '@/components/forms/form-state';
import type { SmsFilterField } from '@/components/forms/SmsFilterForm';
import { requireRole } from '@/lib/auth/session';
import {
  maskNumberFilter,
  openNumberFilter,
  parseNumberFilter,
  sealNumberFilter,
} from '@/lib/reporting/number-filter';
import { linkToOverview, overviewPath, readStatus, type OverviewParameters } from './overview-query';

const problems = {
  too_few_digits: 'Enter four digits at least, or nothing for every number.',
  not_a_number: 'This is not a phone number. Enter one number, or its last four digits.',
} as const;

/** Leads to the page as filtered. A form that is posted, so that no address ever holds a whole number. */
export async function filterSmsAction(
  _state: FormState<SmsFilterField>,
  formData: FormData,
): Promise<FormState<SmsFilterField>> {
  await requireRole(overviewPath, 'admin');
  const parameters: OverviewParameters = {
    status: readStatus(readField(formData, 'status')) ?? undefined,
    attempts: readField(formData, 'attempts') === 'failures' ? 'failures' : undefined,
  };
  const typed = readField(formData, 'number').trim();
  const shown = openNumberFilter(readField(formData, 'shownNumber'));
  if (shown && typed === maskNumberFilter(shown)) {
    parameters.number = sealNumberFilter(shown);
  } else if (typed !== '') {
    const parsed = parseNumberFilter(typed);
    if (!parsed.ok) {
      const fieldErrors = { number: problems[parsed.reason] };
      return answerForm({ fieldErrors }, formData, ['number', 'status', 'attempts']);
    }
    parameters.number = sealNumberFilter(parsed.filter);
  }
  redirect(linkToOverview(parameters, 'texts'));
}
