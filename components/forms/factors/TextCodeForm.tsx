'use client';

import type { ReactNode } from 'react';
import type { Wording } from '@/lib/consent/wording';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import styles from '@/components/forms/SideForm.module.css';
import { useFormAction } from '@/components/forms/use-form-action';
import { ConsentCheckbox } from '@/components/inputs/ConsentCheckbox';
import { Button } from '@/components/ui/Button';

export type TextCodeField = 'tcpaConsent';

/**
 * Asks for a code by text. Where the answer says that consent to codes has ended, its box is there from then on. `fields` are sent as
 * hidden fields, `note` says where the code goes.
 */
export function TextCodeForm({
  action,
  wording,
  fields = {},
  note,
}: {
  action: FormAction<TextCodeField>;
  wording: Wording;
  fields?: Record<string, string>;
  note: ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const error = state.fieldErrors.tcpaConsent;
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={['tcpaConsent']} />
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      {error ? <ConsentCheckbox name="tcpaConsent" wording={wording} error={error} /> : null}
      <div className={styles.row}>
        <Button variant="secondary" pending={pending}>
          Text me a code
        </Button>
        <p className={styles.note}>{note}</p>
      </div>
    </Form>
  );
}
