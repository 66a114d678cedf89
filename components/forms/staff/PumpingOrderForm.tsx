'use client';

import { Select } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type PumpingOrderField = 'phone' | 'about' | 'kind' | 'days' | 'reason';

const fieldOrder = ['phone', 'about', 'kind', 'days', 'reason'] as const;

/** Blocks or allows codes to a new number, or to a range of them, for some days and for a reason. */
export function PumpingOrderForm({
  action,
  mostDays,
}: {
  action: FormAction<PumpingOrderField>;
  mostDays: number;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <TextInput
        name="phone"
        label="Phone number"
        hint="All of it. For a range, any number of it."
        type="tel"
        inputMode="tel"
        autoComplete="off"
        required
        defaultValue={state.values.phone}
        error={state.fieldErrors.phone}
      />
      <Select
        name="about"
        label="For"
        defaultValue={state.values.about ?? ''}
        options={[
          { value: '', label: 'Choose one' },
          { value: 'number', label: 'This number alone' },
          { value: 'range', label: 'All numbers that differ from it in the last four digits' },
        ]}
        error={state.fieldErrors.about}
      />
      <Select
        name="kind"
        label="Codes to new numbers"
        defaultValue={state.values.kind ?? ''}
        options={[
          { value: '', label: 'Choose one' },
          { value: 'allowed', label: 'Always send them' },
          { value: 'blocked', label: 'Do not send them' },
        ]}
        error={state.fieldErrors.kind}
      />
      <TextInput
        name="days"
        label="Days from now"
        hint={`1 to ${mostDays}. It ends by itself then.`}
        inputMode="numeric"
        autoComplete="off"
        required
        defaultValue={state.values.days}
        error={state.fieldErrors.days}
      />
      <TextInput
        name="reason"
        label="Reason"
        hint="Kept in the log of what admins do. Do not write a number here."
        autoComplete="off"
        required
        maxLength={300}
        defaultValue={state.values.reason}
        error={state.fieldErrors.reason}
      />
      <Button wide pending={pending}>
        Save
      </Button>
    </Form>
  );
}
