'use client';

import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

/** Removes one file, or ends it while it is written. `label` says which, for whoever hears only the button. */
export function RemoveExportForm({
  action,
  id,
  words,
  label,
}: {
  action: FormAction<never>;
  id: string;
  words: string;
  label: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      <input type="hidden" name="export" value={id} />
      <Button variant="quiet" pending={pending} aria-label={label}>
        {words}
      </Button>
    </Form>
  );
}
