'use client';

import { Select, type SelectOption } from '@/components/inputs/Select';
import { TextInput } from '@/components/inputs/TextInput';
import { Button, type ButtonVariant } from '@/components/ui/Button';
import { Disclosure } from '@/components/ui/Disclosure';
import { Stack, Text } from '@/components/ui/Heading';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import styles from '@/components/forms/SideForm.module.css';
import { useFormAction } from '@/components/forms/use-form-action';

export type AdminActionField = 'role' | 'days' | 'reason';

const fieldOrder = ['role', 'days', 'reason'] as const;

/**
 * Something that an admin does to someone else's account, an invitation or a rule, behind a disclosure, for a reason.
 * `about` is the hidden field that names what the page showed; `roles`, where one is to be chosen; `days`, where a number of them
 * is.
 */
export function AdminActionForm({
  action,
  about,
  idPrefix,
  summary,
  which,
  note,
  submitLabel,
  variant = 'secondary',
  roles,
  days,
  reasonHint = 'Kept with the account. The person can read it in the file of their data.',
}: {
  action: FormAction<AdminActionField>;
  about: { name: string; value: string };
  idPrefix: string;
  summary: string;
  /** What it is done to, for who hears the summary alone. */
  which?: string;
  note: string;
  submitLabel: string;
  variant?: ButtonVariant;
  roles?: { options: readonly SelectOption[]; now: string };
  days?: { most: number; now: string };
  reasonHint?: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Disclosure
      summary={
        which === undefined ? (
          summary
        ) : (
          <>
            {summary}
            <span className={styles.announced}>: {which}</span>
          </>
        )
      }
      open={state.key !== undefined}
    >
      <Stack>
        <Text quiet>{note}</Text>
        <Form action={formAction} pending={pending}>
          <FormAlert state={state} fields={fieldOrder} idPrefix={idPrefix} />
          {roles ? (
            <Select
              id={`${idPrefix}role`}
              name="role"
              label="New role"
              defaultValue={state.values.role ?? roles.now}
              options={roles.options}
              error={state.fieldErrors.role}
            />
          ) : null}
          {days ? (
            <TextInput
              id={`${idPrefix}days`}
              name="days"
              label="Days from now"
              hint={`0 to ${days.most}. With 0 it ends now.`}
              inputMode="numeric"
              autoComplete="off"
              required
              defaultValue={state.values.days ?? days.now}
              error={state.fieldErrors.days}
            />
          ) : null}
          <TextInput
            id={`${idPrefix}reason`}
            name="reason"
            label="Reason"
            hint={reasonHint}
            autoComplete="off"
            required
            maxLength={300}
            defaultValue={state.values.reason}
            error={state.fieldErrors.reason}
          />
          <input type="hidden" {...about} />
          <Button variant={variant} wide pending={pending}>
            {submitLabel}
          </Button>
        </Form>
      </Stack>
    </Disclosure>
  );
}
