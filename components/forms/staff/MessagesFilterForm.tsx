'use client';

import type { FormAction } from '@/components/forms/form-state';
import { Select } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { FilterForm } from './FilterForm';
import { SubjectInput } from './SubjectInput';

export type MessagesFilterField = 'q' | 'status' | 'template' | 'error';

/** Finds texts. `subject` is the present search as it is shown, and `shown` the same as links carry it. */
export function MessagesFilterForm({
  action,
  subject,
  shown,
  hint,
  status,
  statuses,
  template,
  templates,
  errorCode,
  clearHref,
}: {
  action: FormAction<MessagesFilterField>;
  subject: string | null;
  shown: string | null | undefined;
  hint: string;
  status: string;
  statuses: Readonly<Record<string, string>>;
  template: string;
  templates: Readonly<Record<string, string>>;
  errorCode: string;
  clearHref: string | null;
}) {
  return (
    <FilterForm
      action={action}
      label="Texts"
      fieldOrder={['q', 'status', 'template', 'error']}
      kept={{ name: 'shown', value: shown }}
      button="Search"
      clearHref={clearHref}
    >
      {({ values, fieldErrors }) => (
        <>
          <SubjectInput
            label="Who or what"
            hint={hint}
            subject={subject}
            typed={values.q}
            error={fieldErrors.q}
          />
          <Select
            label="State"
            name="status"
            defaultValue={values.status ?? status}
            options={withAny(statuses)}
          />
          <Select
            label="Text"
            name="template"
            defaultValue={values.template ?? template}
            options={withAny(templates)}
          />
          <TextInput
            key={`error ${errorCode}`}
            label="Error code"
            name="error"
            inputMode="numeric"
            autoComplete="off"
            defaultValue={values.error ?? errorCode}
            error={fieldErrors.error}
          />
        </>
      )}
    </FilterForm>
  );
}

function withAny(words: Readonly<Record<string, string>>) {
  return [{ value: '', label: 'Any' }, ...Object.entries(words).map(([value, label]) => ({ value, label }))];
}
