'use client';

import type { FormAction } from '@/components/forms/form-state';
import { Select } from '@/components/inputs/Select';
import { FilterForm } from './FilterForm';
import { SubjectInput } from './SubjectInput';

export type VerificationsFilterField = 'q' | 'attempts';

/** Finds attempts to verify. `subject` is the present search as it is shown, and `shown` the same as links carry it. */
export function VerificationsFilterForm({
  action,
  subject,
  shown,
  hint,
  failuresOnly,
  clearHref,
}: {
  action: FormAction<VerificationsFilterField>;
  subject: string | null;
  shown: string | null | undefined;
  hint: string;
  failuresOnly: boolean;
  clearHref: string | null;
}) {
  return (
    <FilterForm
      action={action}
      label="Verifications"
      fieldOrder={['q', 'attempts']}
      kept={{ name: 'shown', value: shown }}
      button="Search"
      clearHref={clearHref}
    >
      {({ values, fieldErrors }) => (
        <>
          <SubjectInput label="Who" hint={hint} subject={subject} typed={values.q} error={fieldErrors.q} />
          <Select
            label="Attempts"
            name="attempts"
            defaultValue={values.attempts ?? (failuresOnly ? 'failures' : '')}
            options={[
              { value: '', label: 'All' },
              { value: 'failures', label: 'Failures only' },
            ]}
          />
        </>
      )}
    </FilterForm>
  );
}
