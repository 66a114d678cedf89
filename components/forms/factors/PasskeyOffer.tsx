'use client';

import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/browser';
import { Alert } from '@/components/ui/Alert';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Text } from '@/components/ui/Heading';
import { ActionForm } from '@/components/forms/ActionForm';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import { useHydrated } from '@/components/ui/use-hydrated';
import styles from './PasskeyOffer.module.css';
import { makePasskey, usePasskey } from './use-passkey';

/**
 * Offers a passkey to someone who has none. It is there from the start, so that nothing below it moves; browsers without passkeys,
 * or without JavaScript, show nothing.
 */
export function PasskeyOffer({
  action,
  declineAction,
  options,
  name,
}: {
  action: FormAction<never>;
  declineAction: FormAction<never>;
  options: PublicKeyCredentialCreationOptionsJSON;
  /** What the passkey is called in the list of them. */
  name: string;
}) {
  const lacksPasskeys = useHydrated() && !('PublicKeyCredential' in window);
  const [state, formAction, pending] = useFormAction(action);
  const { form, problem, waiting, ask } = usePasskey(() => makePasskey(options));
  if (lacksPasskeys) return null;
  return (
    <div className={styles.offer}>
      <Card label="Passkey">
        <HeadingGroup>
          <Heading level={2}>Next time, sign in without a password</Heading>
          <Text>
            Sign in with your fingerprint, face or screen lock instead. It works on this device, and on others
            that share your passkeys. Your password still works.
          </Text>
        </HeadingGroup>
        <Form ref={form} action={formAction} pending={pending}>
          <FormAlert state={state} fields={[]} />
          {problem ? <Alert tone="error" title={problem} /> : null}
          <input type="hidden" name="passkey" />
          <input type="hidden" name="passkeyName" value={name} />
          <Button
            type="button"
            variant="secondary"
            wide
            pending={pending || waiting}
            onClick={() => void ask()}
          >
            Add a passkey
          </Button>
        </Form>
        <ActionForm action={declineAction} label="Not now" variant="quiet" />
      </Card>
    </div>
  );
}
