'use client';

import type { FormAction } from '@/components/forms/form-state';
import { Select } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { FilterForm } from './FilterForm';

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
          <TextInput
            // The search changes with the address while the form stays mounted.
            key={subject}
            label="Who"
            name="q"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            hint={hint}
            defaultValue={values.q ?? subject ?? ''}
            error={fieldErrors.q}
          />
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
