'use client';

import type { ReactNode } from 'react';
import type { Wording } from '@/lib/consent/wording';
import { Button } from '@/components/ui/Button';
import { Checkbox } from '@/components/inputs/Checkbox';
import { ConsentCheckbox } from '@/components/inputs/ConsentCheckbox';
import { Disclosure } from '@/components/ui/Disclosure';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { PhoneInput } from '@/components/inputs/PhoneInput';
import { useFormAction } from '@/components/forms/use-form-action';

export type NumberField = 'phone' | 'smsOptIn' | 'tcpaConsent';

const fieldOrder = ['phone', 'smsOptIn', 'tcpaConsent'] as const;

/**
 * A number to be verified, with the consent to text it. With a `summary` the form opens in place under it, and is open when
 * it was refused, `beside` what it is about. `isMain`: nothing else on the page is to be done first. `offersUpdates`: the
 * consent may be for updates, too. Ids take `idPrefix`, since the page may have another phone field.
 */
export function NumberForm({
  action,
  wording,
  label = 'Phone number',
  phone = null,
  phoneHint,
  summary,
  beside,
  isMain = false,
  offersUpdates = false,
  idPrefix = '',
}: {
  action: FormAction<NumberField>;
  wording: Wording;
  label?: string;
  phone?: string | null;
  phoneHint?: string;
  summary?: string;
  beside?: ReactNode;
  isMain?: boolean;
  offersUpdates?: boolean;
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
      {offersUpdates ? (
        <Checkbox
          id={`${idPrefix}smsOptIn`}
          name="smsOptIn"
          label="Send me text updates"
          hint="When something happens with your application or your account. You can turn them off here at any time."
          defaultChecked={state.values.smsOptIn === 'on'}
        />
      ) : null}
      <ConsentCheckbox
        id={`${idPrefix}tcpaConsent`}
        name="tcpaConsent"
        wording={wording}
        defaultChecked={state.values.tcpaConsent === 'on'}
        error={state.fieldErrors.tcpaConsent}
      />
      <Button variant={isMain ? 'primary' : 'secondary'} wide pending={pending}>
        Send the code to this number
      </Button>
    </Form>
  );
  return summary ? (
    <Disclosure summary={summary} beside={beside} open={refused}>
      {form}
    </Disclosure>
  ) : (
    form
  );
}
