'use client';

import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './FilterForm.module.css';

export type UndoTimeField = 'undoSeconds';

/** For how long whoever looks may take their moves back. */
export function UndoTimeForm({
  action,
  seconds,
  range: { shortest, longest },
}: {
  action: FormAction<UndoTimeField>;
  seconds: number;
  range: { shortest: number; longest: number };
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} aria-label="Your undo time">
      <FormAlert state={state} fields={['undoSeconds']} />
      <TextInput
        name="undoSeconds"
        label="Your undo time, in seconds"
        hint={`${shortest} to ${longest}. For so long you can take a move back; the applicant sees and hears nothing of it until then.`}
        inputMode="numeric"
        autoComplete="off"
        required
        defaultValue={state.values.undoSeconds ?? String(seconds)}
        error={state.fieldErrors.undoSeconds}
      />
      <div className={styles.buttons}>
        <Button variant="secondary" pending={pending}>
          Save
        </Button>
      </div>
    </Form>
  );
}
