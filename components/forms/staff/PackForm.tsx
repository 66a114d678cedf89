'use client';

import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Text } from '@/components/ui/Heading';
import { TextLink } from '@/components/ui/TextLink';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import { DaysFields } from './DaysFields';

export type PackField = 'phone' | 'first' | 'last';

const fieldOrder = ['phone', 'first', 'last'] as const;

/** Asks for an evidence pack of some days, both counted: about whom the page was opened for, else about a number that is typed. */
export function PackForm({
  action,
  about,
  days,
}: {
  action: FormAction<PackField>;
  about: { words: string; fields: Record<string, string>; elseHref: string } | null;
  days: { first: string; last: string; today: string };
}) {
  const [state, formAction, pending] = useFormAction(action);
  const { values, fieldErrors } = state;
  return (
    <Form action={formAction} pending={pending} aria-label="New pack">
      <FormAlert state={state} fields={fieldOrder} />
      {about === null ? (
        <TextInput
          name="phone"
          label="Phone number"
          type="tel"
          hint="Of a deleted account as well: what it left is found by a keyed mark of its number. For a person who has an account, begin on their page."
          autoComplete="off"
          required
          defaultValue={values.phone}
          error={fieldErrors.phone}
        />
      ) : (
        <>
          <Text>
            About <strong>{about.words}</strong>.{' '}
            <TextLink href={about.elseHref}>Choose another number</TextLink>
          </Text>
          {Object.entries(about.fields).map(([name, value]) => (
            <input key={name} type="hidden" name={name} value={value} />
          ))}
        </>
      )}
      <DaysFields days={days} state={state} />
      <Button pending={pending}>Make pack</Button>
    </Form>
  );
}
