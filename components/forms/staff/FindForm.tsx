'use client';

import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './FilterForm.module.css';

/** Leads to the page of a number, a person or a text. */
export function FindForm({ action, hint }: { action: FormAction<'phone'>; hint: string }) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} role="search" aria-label="Find a person, number or text">
      <FormAlert state={state} fields={['phone']} />
      <TextInput
        name="phone"
        label="Person, number or text"
        hint={hint}
        autoComplete="off"
        required
        defaultValue={state.values.phone}
        error={state.fieldErrors.phone}
      />
      <div className={styles.buttons}>
        <Button variant="secondary" pending={pending}>
          Open the page
        </Button>
      </div>
    </Form>
  );
}
