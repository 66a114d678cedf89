'use client';

import { Select, type SelectOption } from '@/components/inputs/Select';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type AssigneeField = 'assignee';

/** Says who sees to an application; `now`: the id of who does, empty for nobody. */
export function AssigneeForm({
  action,
  application,
  version,
  now,
  people,
}: {
  action: FormAction<AssigneeField>;
  application: string;
  version: number;
  now: string;
  people: readonly { label: string; options: readonly SelectOption[] }[];
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} aria-label="Who sees to it">
      <FormAlert state={state} fields={['assignee']} />
      <Select
        name="assignee"
        label="Person"
        hint="The applicant does not see this."
        defaultValue={state.values.assignee ?? now}
        options={[{ value: '', label: 'Nobody in particular' }, ...people]}
        error={state.fieldErrors.assignee}
      />
      <input type="hidden" name="application" value={application} />
      <input type="hidden" name="version" value={version} />
      <input type="hidden" name="seenAssignee" value={now} />
      <Button variant="secondary" wide pending={pending}>
        Assign
      </Button>
    </Form>
  );
}
