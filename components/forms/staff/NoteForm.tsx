'use client';

import { TextArea } from '@/components/inputs/TextArea';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type NoteField = 'note' | 'internalNote';

const fieldOrder = ['note', 'internalNote'] as const;

/** Writes a note about an application that stays where it is. */
export function NoteForm({
  action,
  application,
  asksInternal,
}: {
  action: FormAction<NoteField>;
  application: string;
  asksInternal: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} aria-label="Add a note">
      <FormAlert state={state} fields={fieldOrder} idPrefix="add-" />
      <TextArea
        id="add-note"
        name="note"
        label="Note (the applicant reads this)"
        defaultValue={state.values.note}
        error={state.fieldErrors.note}
      />
      {asksInternal ? (
        <TextArea
          id="add-internalNote"
          name="internalNote"
          label="Internal note"
          hint="Only staff and admins read this."
          defaultValue={state.values.internalNote}
          error={state.fieldErrors.internalNote}
        />
      ) : null}
      <input type="hidden" name="application" value={application} />
      <Button variant="secondary" wide pending={pending}>
        Add the note
      </Button>
    </Form>
  );
}
