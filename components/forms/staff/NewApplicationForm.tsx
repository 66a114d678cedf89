'use client';

import { TextArea } from '@/components/inputs/TextArea';
import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type NewApplicationField = 'name' | 'title' | 'message';

const fieldOrder = ['name', 'title', 'message'] as const;

/** Opens an application for someone who has no account. */
export function NewApplicationForm({ action }: { action: FormAction<NewApplicationField> }) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <TextInput
        name="name"
        label="Name of the applicant"
        autoComplete="off"
        required
        defaultValue={state.values.name}
        error={state.fieldErrors.name}
      />
      <TextInput
        name="title"
        label="Title"
        hint="What they apply for, in a few words"
        autoComplete="off"
        required
        defaultValue={state.values.title}
        error={state.fieldErrors.title}
      />
      <TextArea
        name="message"
        label="Message"
        hint="What they said or wrote"
        rows={8}
        required
        defaultValue={state.values.message}
        error={state.fieldErrors.message}
      />
      <Button wide pending={pending}>
        Open the application
      </Button>
    </Form>
  );
}
