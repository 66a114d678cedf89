'use client';

import { TextArea } from '@/components/inputs/TextArea';
import { TextInput } from '@/components/inputs/TextInput';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { forgetTyping } from '@/components/forms/kept-typing';
import { KeptNotice } from '@/components/forms/KeptNotice';
import { useFormAction } from '@/components/forms/use-form-action';
import { useKeptTyping } from '@/components/forms/use-kept-typing';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Heading } from '@/components/ui/Heading';
import styles from './ApplicationForm.module.css';
import { Typed } from './Typed';

export type ApplicationField = 'id' | 'version' | 'title' | 'message';

const fieldOrder = ['title', 'message'] as const;
// With the version that it was typed about: so nothing that was saved in the meantime is overwritten unseen.
const keptFields = ['version', ...fieldOrder] as const;

/**
 * What an applicant writes, to be saved as a draft or handed in, on a card of its own. `saved` is the draft that it is about; null:
 * a new one; `owner` the id of whose it is. `isOpen` false: it is no draft any more, so there is nothing but what was typed on an older page, to be copied.
 */
export function ApplicationForm({
  action,
  owner,
  saved,
  limits,
  isOpen,
}: {
  action: FormAction<ApplicationField>;
  owner: string;
  saved: { id: string; version: number; title: string; message: string } | null;
  limits: { title: number; message: number };
  isOpen: boolean;
}) {
  const place = { owner, what: `application:${saved?.id ?? 'new'}` };
  const [state, formAction, pending] = useFormAction(action, () => forgetTyping(place));
  const typing = useKeptTyping(place, keptFields, state.key !== undefined);
  if (!isOpen && state.key === undefined) return null;
  const { values, fieldErrors } = state;
  return (
    <Card>
      {saved ? <Heading level={2}>{isOpen ? 'Your draft' : 'What you typed'}</Heading> : null}
      <Form action={formAction} pending={pending} onInput={typing.onInput}>
        <FormAlert state={state} fields={fieldOrder} />
        {isOpen ? (
          <>
            <KeptNotice kept={typing.kept} discard={typing.discard} />
            {saved ? <input type="hidden" name="id" value={saved.id} /> : null}
            <input
              type="hidden"
              name="version"
              value={values.version ?? typing.kept?.version ?? saved?.version ?? 0}
            />
            <TextInput
              label="Title"
              name="title"
              hint={`What you apply for, in a few words. Up to ${sayCount(limits.title)} characters.`}
              autoComplete="off"
              required
              defaultValue={values.title ?? saved?.title}
              error={fieldErrors.title}
            />
            <TextArea
              label="Message"
              name="message"
              hint={`Everything we should know. Up to ${sayCount(limits.message)} characters. A draft can do without.`}
              rows={8}
              defaultValue={values.message ?? saved?.message}
              error={fieldErrors.message}
            />
            <div className={styles.buttons}>
              {/* Enter in the title presses the first button: nothing is handed in by mistake. */}
              <Button variant="secondary" name="intent" value="save" pending={pending}>
                Save draft
              </Button>
              <Button name="intent" value="submit" pending={pending}>
                Submit application
              </Button>
            </div>
          </>
        ) : (
          <>
            <Typed>{values.title}</Typed>
            <Typed>{values.message}</Typed>
          </>
        )}
      </Form>
    </Card>
  );
}

/** `4,000`. */
function sayCount(count: number): string {
  return count.toLocaleString('en-US');
}
