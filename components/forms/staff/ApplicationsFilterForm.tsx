'use client';

import type { FormAction } from '@/components/forms/form-state';
import { Select, type SelectOption } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { FilterForm } from './FilterForm';

export type ApplicationsFilterField = 'q' | 'status' | 'assignee' | 'age' | 'news';

const fieldOrder = ['q', 'status', 'assignee', 'age', 'news'] as const;

type Choices = Record<
  Exclude<ApplicationsFilterField, 'q'>,
  { now: string; options: readonly (SelectOption | { label: string; options: readonly SelectOption[] })[] }
>;

/**
 * Finds applications. `search` is the present search as it is shown, and `shown` the same as links carry it; `assignee` null:
 * whoever looks sees no others' anyway.
 */
export function ApplicationsFilterForm({
  action,
  search,
  shown,
  choices: { status, assignee, age, news },
  findsByDigits,
  clearHref,
}: {
  action: FormAction<ApplicationsFilterField>;
  search: string | null;
  shown: string | null | undefined;
  choices: Omit<Choices, 'assignee'> & { assignee: Choices['assignee'] | null };
  /** Whoever looks may find someone by a part of their number. */
  findsByDigits: boolean;
  clearHref: string | null;
}) {
  return (
    <FilterForm
      action={action}
      label="Applications"
      fieldOrder={fieldOrder}
      kept={{ name: 'shown', value: shown }}
      button="Search"
      clearHref={clearHref}
      folds
    >
      {({ values, fieldErrors }) => (
        <>
          <TextInput
            // The search changes with the address while the form stays mounted.
            key={search}
            label="Applicant"
            name="q"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            hint={`The start of their name or email, or their phone number${findsByDigits ? ', or its last four digits' : ', all of it'}`}
            defaultValue={values.q ?? search ?? ''}
            error={fieldErrors.q}
          />
          <Select
            label="Status"
            name="status"
            defaultValue={values.status ?? status.now}
            options={[{ value: '', label: 'Any' }, ...status.options]}
          />
          {assignee ? (
            <Select
              label="Assigned to"
              name="assignee"
              defaultValue={values.assignee ?? assignee.now}
              options={[{ value: '', label: 'Anyone' }, ...assignee.options]}
            />
          ) : null}
          <Select
            label="In its status for"
            name="age"
            defaultValue={values.age ?? age.now}
            options={[{ value: '', label: 'Any time' }, ...age.options]}
          />
          <Select
            label="Last news"
            name="news"
            defaultValue={values.news ?? news.now}
            options={[{ value: '', label: 'Any' }, ...news.options]}
          />
        </>
      )}
    </FilterForm>
  );
}
