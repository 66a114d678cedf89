'use client';

import type { Wording } from '@/lib/consent/wording';
import { Button } from '@/components/ui/Button';
import { ConsentCheckbox } from '@/components/inputs/ConsentCheckbox';
import { Disclosure } from '@/components/ui/Disclosure';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { PhoneInput } from '@/components/inputs/PhoneInput';
import { useFormAction } from '@/components/forms/use-form-action';

export type NumberField = 'phone' | 'tcpaConsent';

const fieldOrder = ['phone', 'tcpaConsent'] as const;

/**
 * A number to be verified, with the consent to text it. With a `summary` the form opens in place under it, and is open when
 * it was refused. Ids take `idPrefix`, since the page may have another phone field.
 */
export function NumberForm({
  action,
  wording,
  label = 'Phone number',
  phone = null,
  phoneHint,
  summary,
  idPrefix = '',
}: {
  action: FormAction<NumberField>;
  wording: Wording;
  label?: string;
  phone?: string | null;
  phoneHint?: string;
  summary?: string;
  idPrefix?: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const refused = state.message !== undefined || Object.keys(state.fieldErrors).length > 0;
  const form = (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} idPrefix={idPrefix} />
      <PhoneInput
        id={`${idPrefix}phone`}
        name="phone"
        label={label}
        hint={phoneHint}
        required
        defaultValue={state.values.phone ?? phone ?? undefined}
        error={state.fieldErrors.phone}
      />
      <ConsentCheckbox
        id={`${idPrefix}tcpaConsent`}
        name="tcpaConsent"
        wording={wording}
        defaultChecked={state.values.tcpaConsent === 'on'}
        error={state.fieldErrors.tcpaConsent}
      />
      <Button variant="secondary" wide pending={pending}>
        Send the code to this number
      </Button>
    </Form>
  );
  return summary ? (
    <Disclosure summary={summary} open={refused}>
      {form}
    </Disclosure>
  ) : (
    form
  );
}
