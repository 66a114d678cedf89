'use client';

import { Button } from '@/components/ui/Button';
import { Form } from './Form';
import type { FormAction } from './form-state';
import { FormAlert } from './FormAlert';
import { Select } from '@/components/inputs/Select';
import styles from './SmsFilterForm.module.css';
import { TextInput } from '@/components/inputs/TextInput';
import { TextLink } from '@/components/ui/TextLink';
import { useFormAction } from './use-form-action';

export type SmsFilterField = 'number' | 'status' | 'attempts';

const fieldOrder = ['number', 'status', 'attempts'] as const;

/**
 * Narrows the lists of texts and attempts down. `number` is the masked number looked for now and `shownNumber` what
 * stands for it in links; left as it is, it is looked for again. `clearHref` (null: nothing is narrowed) shows all.
 */
export function SmsFilterForm({
  action,
  number,
  shownNumber,
  status,
  statuses,
  failuresOnly,
  clearHref,
}: {
  action: FormAction<SmsFilterField>;
  number: string | null;
  shownNumber: string | null | undefined;
  status: string;
  statuses: Readonly<Record<string, string>>;
  failuresOnly: boolean;
  clearHref: string | null;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending} role="search" aria-label="Texts and attempts">
      <FormAlert state={state} fields={fieldOrder} />
      <div className={styles.fields}>
        <TextInput
          // What is looked for changes with the address while the form stays mounted.
          key={number}
          label="Number"
          name="number"
          inputMode="tel"
          autoComplete="off"
          hint="Whole, or its last four digits"
          defaultValue={state.values.number ?? number ?? ''}
          error={state.fieldErrors.number}
        />
        <Select
          label="Status of texts"
          name="status"
          defaultValue={state.values.status ?? status}
          options={[
            { value: '', label: 'Any' },
            ...Object.entries(statuses).map(([value, label]) => ({ value, label })),
          ]}
        />
        <Select
          label="Attempts"
          name="attempts"
          defaultValue={state.values.attempts ?? (failuresOnly ? 'failures' : '')}
          options={[
            { value: '', label: 'All' },
            { value: 'failures', label: 'Failures only' },
          ]}
        />
      </div>
      {shownNumber ? <input type="hidden" name="shownNumber" value={shownNumber} /> : null}
      <div className={styles.buttons}>
        <Button variant="secondary" pending={pending}>
          Filter
        </Button>
        {clearHref ? (
          <TextLink href={clearHref} standalone>
            Show all
          </TextLink>
        ) : null}
      </div>
    </Form>
  );
}
