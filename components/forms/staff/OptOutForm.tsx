'use client';

import { CurrentPassword } from '@/components/inputs/CurrentPassword';
import { Select } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type OptOutField = 'phone' | 'channel' | 'note' | 'currentPassword';

const fieldOrder = ['phone', 'channel', 'note', 'currentPassword'] as const;

/** Records that a number's owner wants no more texts, against the password of whoever was told. */
export function OptOutForm({
  action,
  asksPassword,
}: {
  action: FormAction<OptOutField>;
  asksPassword: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <TextInput
        name="phone"
        label="Their phone number"
        type="tel"
        inputMode="tel"
        autoComplete="off"
        required
        defaultValue={state.values.phone}
        error={state.fieldErrors.phone}
      />
      <Select
        name="channel"
        label="How they told you"
        defaultValue={state.values.channel ?? ''}
        options={[
          { value: '', label: 'Choose one' },
          { value: 'phone', label: 'By phone' },
          { value: 'letter', label: 'By letter' },
          { value: 'other', label: 'In another way' },
        ]}
        error={state.fieldErrors.channel}
      />
      <TextInput
        name="note"
        label="Note"
        hint="What they said, and when. Kept for ten years at least; the person can read it."
        autoComplete="off"
        required
        maxLength={300}
        defaultValue={state.values.note}
        error={state.fieldErrors.note}
      />
      <CurrentPassword asked={asksPassword} error={state.fieldErrors.currentPassword} />
      <Button wide pending={pending}>
        Stop texts to this number
      </Button>
    </Form>
  );
}
