'use client';

import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/browser';
import { Alert } from '@/components/ui/Alert';
import { Button } from '@/components/ui/Button';
import { Text } from '@/components/ui/Heading';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { TextInput } from '@/components/inputs/TextInput';
import { useFormAction } from '@/components/forms/use-form-action';
import { makePasskey, useKnowsPasskeys, usePasskey } from './use-passkey';

/** Lets the browser make a passkey, under a name by which its person will know it. */
export function AddPasskeyForm({
  action,
  options,
  suggestedName,
}: {
  action: FormAction<'passkeyName'>;
  options: PublicKeyCredentialCreationOptionsJSON;
  suggestedName: string;
}) {
  const knowsPasskeys = useKnowsPasskeys();
  const [state, formAction, pending] = useFormAction(action);
  const { form, problem, waiting, ask } = usePasskey(() => makePasskey(options));
  if (!knowsPasskeys) {
    return <Text quiet>To add a passkey, open this page in a newer browser, with JavaScript on.</Text>;
  }
  return (
    <Form
      ref={form}
      action={formAction}
      pending={pending}
      onSubmit={(event) => {
        // Enter in the name asks the browser first, as the button does.
        const field = event.currentTarget.elements.namedItem('passkey');
        if (!(field instanceof HTMLInputElement) || field.value !== '') return;
        event.preventDefault();
        void ask();
      }}
    >
      <FormAlert state={state} fields={['passkeyName']} />
      {problem ? <Alert tone="error" title={problem} /> : null}
      <input type="hidden" name="passkey" />
      <TextInput
        name="passkeyName"
        label="Name of the passkey"
        hint="So that you know which device it is on."
        error={state.fieldErrors.passkeyName}
        defaultValue={state.values.passkeyName ?? suggestedName}
        maxLength={50}
        required
      />
      <Button wide pending={pending || waiting}>
        Add a passkey
      </Button>
    </Form>
  );
}
