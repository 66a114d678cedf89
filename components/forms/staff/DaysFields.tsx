import { TextInput } from '@/components/inputs/TextInput';
import type { FormState } from '@/components/forms/form-state';

/** The first and the last day of something, both counted: as the answer has them, else the `first` and the `last` that are usual. */
export function DaysFields({
  days: { first, last, today },
  state: { values, fieldErrors },
}: {
  days: { first: string; last: string; today: string };
  state: Pick<FormState<'first' | 'last'>, 'values' | 'fieldErrors'>;
}) {
  return (
    <>
      <TextInput
        name="first"
        label="From"
        type="date"
        max={today}
        required
        defaultValue={values.first ?? first}
        error={fieldErrors.first}
      />
      <TextInput
        name="last"
        label="To"
        type="date"
        max={today}
        required
        defaultValue={values.last ?? last}
        error={fieldErrors.last}
      />
    </>
  );
}
