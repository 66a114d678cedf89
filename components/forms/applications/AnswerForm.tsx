'use client';

import type { ReactNode } from 'react';
import { TextArea } from '@/components/inputs/TextArea';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { forgetTyping } from '@/components/forms/kept-typing';
import { KeptNotice } from '@/components/forms/KeptNotice';
import { useFormAction } from '@/components/forms/use-form-action';
import { useKeptTyping } from '@/components/forms/use-kept-typing';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Disclosure } from '@/components/ui/Disclosure';
import { Heading } from '@/components/ui/Heading';
import { Typed } from './Typed';

export type AnswerField = 'id' | 'note';

const fieldOrder = ['note'] as const;

/**
 * What is asked of an applicant, and their answer, on a card of its own. Behind a disclosure once there is one. `owner` is the applicant's id. `isOpen` false:
 * nothing is asked for any more, so there is nothing but what was typed on an older page, to be copied. `children` say where to send
 * what is needed.
 */
export function AnswerForm({
  action,
  owner,
  id,
  asked,
  isAnswered,
  mostCharacters,
  isOpen,
  children,
}: {
  action: FormAction<AnswerField>;
  owner: string;
  id: string;
  asked: string | null;
  isAnswered: boolean;
  mostCharacters: number;
  isOpen: boolean;
  children: ReactNode;
}) {
  const place = { owner, what: `answer:${id}` };
  const [state, formAction, pending] = useFormAction(action, () => forgetTyping(place));
  const typing = useKeptTyping(place, fieldOrder, state.key !== undefined);
  if (!isOpen && state.key === undefined) return null;
  const form = (
    <Form action={formAction} pending={pending} onInput={typing.onInput}>
      <FormAlert state={state} fields={fieldOrder} />
      {isOpen ? (
        <>
          <KeptNotice kept={typing.kept} discard={typing.discard} />
          <input type="hidden" name="id" value={id} />
          <TextArea
            label="Your answer"
            name="note"
            hint={`For example, how and when you sent what we need. Up to ${mostCharacters.toLocaleString('en-US')} characters.`}
            rows={4}
            required
            defaultValue={state.values.note}
            error={state.fieldErrors.note}
          />
          <Button wide pending={pending}>
            Send answer
          </Button>
        </>
      ) : (
        <Typed>{state.values.note}</Typed>
      )}
    </Form>
  );
  if (!isOpen) {
    return (
      <Card>
        <Heading level={2}>Your answer</Heading>
        {form}
      </Card>
    );
  }
  return (
    <Card>
      <Heading level={2}>{isAnswered ? 'What we asked for' : 'What we need from you'}</Heading>
      <Typed>{asked ?? undefined}</Typed>
      {children}
      {isAnswered ? (
        <Disclosure summary="Add to your answer" open={state.key !== undefined || typing.kept !== null}>
          {form}
        </Disclosure>
      ) : (
        form
      )}
    </Card>
  );
}
