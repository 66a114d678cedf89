'use client';

import { useActionState } from 'react';
import { Button } from './Button';
import { Disclosure } from './Disclosure';
import { Form } from './Form';
import { emptyFormState, type FormAction, type FormState } from './form-state';
import { FormAlert } from './FormAlert';
import { Stack, Text } from './Heading';
import { PasswordInput } from './PasswordInput';

export type RemoveNumberField = 'currentPassword' | 'shownPhone';

const fieldOrder = ['currentPassword'] as const;

/** Takes the phone off the account, against the password; `shownPhone` is the masked number that the page showed. */
export function RemoveNumberForm({
  action,
  shownPhone,
  note,
}: {
  action: FormAction<RemoveNumberField>;
  shownPhone: string;
  note: string;
}) {
  const [state, formAction, pending] = useActionState(action, emptyFormState as FormState<RemoveNumberField>);
  return (
    <Disclosure summary="Remove my number" open={state.key !== undefined}>
      <Stack>
        <Text quiet>{note}</Text>
        <Form action={formAction} pending={pending}>
          <FormAlert state={state} fields={fieldOrder} idPrefix="remove-" />
          <PasswordInput
            id="remove-currentPassword"
            name="currentPassword"
            label="Your password"
            autoComplete="current-password"
            required
            error={state.fieldErrors.currentPassword}
          />
          <input type="hidden" name="shownPhone" value={shownPhone} />
          <Button variant="danger" wide pending={pending}>
            Remove this number
          </Button>
        </Form>
      </Stack>
    </Disclosure>
  );
}
