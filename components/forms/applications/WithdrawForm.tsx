'use client';

import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { forgetTyping } from '@/components/forms/kept-typing';
import { useFormAction } from '@/components/forms/use-form-action';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Disclosure } from '@/components/ui/Disclosure';
import { Stack, Text } from '@/components/ui/Heading';

export type WithdrawField = 'id' | 'version';

/**
 * Takes an application back, or deletes a draft, behind a disclosure that asks once more. `isOpen` false: that cannot be done any more, so there is
 * nothing but the answer to who tried on an older page.
 */
export function WithdrawForm({
  action,
  owner,
  id,
  version,
  isDraft,
  isOpen,
}: {
  action: FormAction<WithdrawField>;
  owner: string;
  id: string;
  version: number;
  isDraft: boolean;
  isOpen: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action, () =>
    forgetTyping({ owner, what: `application:${id}` }),
  );
  if (!isOpen && state.key === undefined) return null;
  const form = (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      {isOpen ? (
        <>
          <input type="hidden" name="id" value={id} />
          <input type="hidden" name="version" value={state.values.version ?? version} />
          <Button variant="danger" wide pending={pending}>
            {isDraft ? 'Delete draft' : 'Withdraw'}
          </Button>
        </>
      ) : null}
    </Form>
  );
  return (
    <Card label={isDraft ? 'Delete' : 'Withdraw'}>
      {isOpen ? (
        <Disclosure
          summary={isDraft ? 'Delete this draft' : 'Withdraw this application'}
          open={state.key !== undefined}
        >
          <Stack>
            <Text>
              {isDraft
                ? 'You cannot undo that.'
                : 'If you withdraw it, we stop working on it and do not decide about it. You cannot undo that.'}
            </Text>
            {form}
          </Stack>
        </Disclosure>
      ) : (
        form
      )}
    </Card>
  );
}
