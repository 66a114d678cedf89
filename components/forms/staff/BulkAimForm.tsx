'use client';

import { Select, type SelectOption } from '@/components/inputs/Select';
import { TextArea } from '@/components/inputs/TextArea';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type BulkAimField = 'to' | 'note';

const fieldOrder = ['to', 'note'] as const;

/** Says where the applications of a bulk move go, and what their applicants read. */
export function BulkAimForm({
  action,
  bulk,
  now,
  options,
}: {
  action: FormAction<BulkAimField>;
  bulk: string;
  now: { to: string; note: string };
  options: readonly SelectOption[];
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} aria-labelledby="aim-heading">
      <FormAlert state={state} fields={fieldOrder} />
      <input type="hidden" name="bulk" value={bulk} />
      <Select
        name="to"
        label="Move"
        options={options}
        defaultValue={state.values.to ?? now.to}
        error={state.fieldErrors.to}
      />
      <TextArea
        name="note"
        label="Note (every applicant reads this)"
        hint="Where you ask for documents, say what is needed. It may be left empty otherwise."
        rows={3}
        defaultValue={state.values.note ?? now.note}
        error={state.fieldErrors.note}
      />
      <Button variant="secondary" pending={pending}>
        Show what would happen
      </Button>
    </Form>
  );
}
