'use client';

import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './FilterForm.module.css';

/** Leads to the page of a number. */
export function PhoneForm({ action }: { action: FormAction<'phone'> }) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} role="search" aria-label="A phone number">
      <FormAlert state={state} fields={['phone']} />
      <TextInput
        name="phone"
        label="Phone number"
        hint="All of it, in any spelling. Its page has its texts, consents, opt-outs, attempts and limits."
        type="tel"
        autoComplete="off"
        required
        defaultValue={state.values.phone}
        error={state.fieldErrors.phone}
      />
      <div className={styles.buttons}>
        <Button variant="secondary" pending={pending}>
          Open its page
        </Button>
      </div>
    </Form>
  );
}
