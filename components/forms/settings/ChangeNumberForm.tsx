'use client';

import type { Wording } from '@/lib/consent/wording';
import { Button } from '@/components/ui/Button';
import { ConsentCheckbox } from '@/components/inputs/ConsentCheckbox';
import { Disclosure } from '@/components/ui/Disclosure';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { Stack, Text } from '@/components/ui/Heading';
import { CurrentPassword } from '@/components/inputs/CurrentPassword';
import { PhoneInput } from '@/components/inputs/PhoneInput';
import { useFormAction } from '@/components/forms/use-form-action';

export type ChangeNumberField = 'phone' | 'tcpaConsent' | 'currentPassword' | 'shownPhone';

const fieldOrder = ['phone', 'tcpaConsent', 'currentPassword'] as const;

/**
 * Another number in the place of the one that is there, against the password; it opens by itself when there is an
 * answer. `shownPhone` is the masked number that the page showed, so that the action can tell when another page has
 * changed it since.
 */
export function ChangeNumberForm({
  action,
  asksPassword,
  wording,
  phoneHint,
  shownPhone,
  note,
}: {
  action: FormAction<ChangeNumberField>;
  asksPassword: boolean;
  wording: Wording;
  phoneHint?: string;
  shownPhone: string;
  note: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Disclosure summary="Change my number" open={state.key !== undefined}>
      <Stack>
        <Text quiet>{note}</Text>
        <Form action={formAction} pending={pending}>
          <FormAlert state={state} fields={fieldOrder} idPrefix="change-" />
          <PhoneInput
            id="change-phone"
            name="phone"
            label="New phone number"
            hint={phoneHint}
            required
            defaultValue={state.values.phone}
            error={state.fieldErrors.phone}
          />
          <ConsentCheckbox
            id="change-tcpaConsent"
            name="tcpaConsent"
            wording={wording}
            defaultChecked={state.values.tcpaConsent === 'on'}
            error={state.fieldErrors.tcpaConsent}
          />
          <CurrentPassword
            asked={asksPassword}
            idPrefix="change-"
            error={state.fieldErrors.currentPassword}
          />
          <input type="hidden" name="shownPhone" value={shownPhone} />
          <Button variant="secondary" wide pending={pending}>
            Send the code to this number
          </Button>
        </Form>
      </Stack>
    </Disclosure>
  );
}
