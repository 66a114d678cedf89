'use client';

import { Button } from '@/components/ui/Button';
import { Disclosure } from '@/components/ui/Disclosure';
import { Form } from './Form';
import type { FormAction } from './form-state';
import { FormAlert } from './FormAlert';
import { Stack, Text } from '@/components/ui/Heading';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { useFormAction } from './use-form-action';

const fieldOrder = ['currentPassword'] as const;

/**
 * Something that cannot be taken back, behind a disclosure and against the password. `about` is the hidden field that names
 * what the page showed.
 */
export function ConfirmWithPasswordForm<About extends string>({
  action,
  about,
  idPrefix,
  summary,
  note,
  submitLabel,
}: {
  action: FormAction<'currentPassword' | About>;
  about: { name: About; value: string };
  idPrefix: string;
  summary: string;
  note: string;
  submitLabel: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Disclosure summary={summary} open={state.key !== undefined}>
      <Stack>
        <Text quiet>{note}</Text>
        <Form action={formAction} pending={pending}>
          <FormAlert state={state} fields={fieldOrder} idPrefix={idPrefix} />
          <PasswordInput
            id={`${idPrefix}currentPassword`}
            name="currentPassword"
            label="Your password"
            autoComplete="current-password"
            required
            error={state.fieldErrors.currentPassword}
          />
          <input type="hidden" {...about} />
          <Button variant="danger" wide pending={pending}>
            {submitLabel}
          </Button>
        </Form>
      </Stack>
    </Disclosure>
  );
}
