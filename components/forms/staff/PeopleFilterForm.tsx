'use client';

import type { FormAction } from '@/components/forms/form-state';
import { Select, type SelectOption } from '@/components/inputs/Select';
import { FilterForm } from './FilterForm';
import { SubjectInput } from './SubjectInput';

export type PeopleFilterField = 'q' | 'role' | 'state';

/** Finds people. `search` is the present search as it is shown, and `shown` the same as links carry it. */
export function PeopleFilterForm({
  action,
  search,
  shown,
  role,
  roles,
  state: personState,
  states,
  clearHref,
}: {
  action: FormAction<PeopleFilterField>;
  search: string | null;
  shown: string | null | undefined;
  role: string;
  roles: readonly SelectOption[];
  state: string;
  states: Readonly<Record<string, string>>;
  clearHref: string | null;
}) {
  return (
    <FilterForm
      action={action}
      label="People"
      fieldOrder={['q', 'role', 'state']}
      kept={{ name: 'shown', value: shown }}
      button="Search"
      clearHref={clearHref}
    >
      {({ values, fieldErrors }) => (
        <>
          <SubjectInput
            label="Name, email or phone"
            hint="The start of a name or email, a phone number, or its last four digits"
            subject={search}
            typed={values.q}
            error={fieldErrors.q}
          />
          <Select
            label="Role"
            name="role"
            defaultValue={values.role ?? role}
            options={[{ value: '', label: 'Any' }, ...roles]}
          />
          <Select
            label="State"
            name="state"
            defaultValue={values.state ?? personState}
            options={[
              { value: '', label: 'Any' },
              ...Object.entries(states).map(([value, label]) => ({ value, label })),
            ]}
          />
        </>
      )}
    </FilterForm>
  );
}
