'use client';

import { Checkbox } from '@/components/inputs/Checkbox';
import { Select, type SelectOption } from '@/components/inputs/Select';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import { DaysFields } from './DaysFields';

export type ExportField = 'kind' | 'format' | 'first' | 'last' | 'wholeNumbers';

const fieldOrder = ['kind', 'format', 'first', 'last', 'wholeNumbers'] as const;

/** Asks for a file of what happened on some days, both counted. */
export function ExportForm({
  action,
  kinds,
  formats,
  days,
}: {
  action: FormAction<ExportField>;
  kinds: readonly SelectOption[];
  formats: readonly SelectOption[];
  days: { first: string; last: string; today: string };
}) {
  const [state, formAction, pending] = useFormAction(action);
  const { values, fieldErrors } = state;
  return (
    <Form action={formAction} pending={pending} aria-label="New export">
      <FormAlert state={state} fields={fieldOrder} />
      <Select name="kind" label="What" options={kinds} defaultValue={values.kind} error={fieldErrors.kind} />
      <DaysFields days={days} state={state} />
      <Select
        name="format"
        label="File"
        options={formats}
        defaultValue={values.format}
        error={fieldErrors.format}
      />
      <Checkbox
        name="wholeNumbers"
        label="Whole phone numbers"
        hint="Else all but the last four digits are hidden."
        defaultChecked={values.wholeNumbers === 'on'}
      />
      <Button pending={pending}>Start export</Button>
    </Form>
  );
}
