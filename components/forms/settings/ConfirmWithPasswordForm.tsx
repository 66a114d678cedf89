'use client';

import { Button } from '@/components/ui/Button';
import { Disclosure } from '@/components/ui/Disclosure';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { Stack, Text } from '@/components/ui/Heading';
import { CurrentPassword } from '@/components/inputs/CurrentPassword';
import { useFormAction } from '@/components/forms/use-form-action';

const fieldOrder = ['currentPassword'] as const;

/**
 * Something that cannot be taken back, behind a disclosure and against the password, where it is asked for. `about` is the
 * hidden field that names what the page showed.
 */
export function ConfirmWithPasswordForm<About extends string>({
  action,
  asksPassword,
  about,
  idPrefix,
  summary,
  note,
  submitLabel,
}: {
  action: FormAction<'currentPassword' | About>;
  asksPassword: boolean;
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
          <CurrentPassword
            asked={asksPassword}
            idPrefix={idPrefix}
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
