'use client';

import type { FormAction } from '@/components/forms/form-state';
import { Select } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { FilterForm } from './FilterForm';

export type SmsFilterField = 'number' | 'status' | 'attempts';

/**
 * Narrows the lists of texts and attempts. `number` is the masked number of the present search, and `shownNumber` the same as
 * links carry it.
 */
export function SmsFilterForm({
  action,
  number,
  shownNumber,
  status,
  statuses,
  failuresOnly,
  clearHref,
}: {
  action: FormAction<SmsFilterField>;
  number: string | null;
  shownNumber: string | null | undefined;
  status: string;
  statuses: Readonly<Record<string, string>>;
  failuresOnly: boolean;
  clearHref: string | null;
}) {
  return (
    <FilterForm
      action={action}
      label="Texts and attempts"
      fieldOrder={['number', 'status', 'attempts']}
      kept={{ name: 'shownNumber', value: shownNumber }}
      button="Filter"
      clearHref={clearHref}
    >
      {({ values, fieldErrors }) => (
        <>
          <TextInput
            // The search changes with the address while the form stays mounted.
            key={number}
            label="Number"
            name="number"
            inputMode="tel"
            autoComplete="off"
            hint="Whole, or its last four digits"
            defaultValue={values.number ?? number ?? ''}
            error={fieldErrors.number}
          />
          <Select
            label="Status of texts"
            name="status"
            defaultValue={values.status ?? status}
            options={[
              { value: '', label: 'Any' },
              ...Object.entries(statuses).map(([value, label]) => ({ value, label })),
            ]}
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
