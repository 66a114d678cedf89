'use client';

import type { ReactNode } from 'react';
import { Button } from '@/components/ui/Button';
import { Fold } from '@/components/ui/Fold';
import { Form } from '@/components/forms/Form';
import type { FormAction, FormState } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import styles from './FilterForm.module.css';
import { TextLink } from '@/components/ui/TextLink';
import { useFormAction } from '@/components/forms/use-form-action';

/**
 * Narrows a list of an admin page. `kept`: a hidden field with the sealed search of the present list, which counts while its
 * visible field is left as it is. `clearHref` (null: nothing is narrowed) shows all. `folds`: a phone shows it folded, so that the
 * list is near the top.
 */
export function FilterForm<Field extends string>({
  action,
  label,
  fieldOrder,
  kept,
  button,
  clearHref,
  folds = false,
  children,
}: {
  action: FormAction<Field>;
  label: string;
  fieldOrder: readonly Field[];
  kept: { name: string; value: string | null | undefined };
  button: string;
  clearHref: string | null;
  folds?: boolean;
  children: (state: FormState<Field>) => ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const form = (
    <Form action={formAction} pending={pending} role="search" aria-label={label}>
      <FormAlert state={state} fields={fieldOrder} />
      <div className={styles.fields}>{children(state)}</div>
      {kept.value ? <input type="hidden" name={kept.name} value={kept.value} /> : null}
      <div className={styles.buttons}>
        <Button variant="secondary" pending={pending}>
          {button}
        </Button>
        {clearHref ? (
          <TextLink href={clearHref} standalone>
            Show all
          </TextLink>
        ) : null}
      </div>
    </Form>
  );
  if (!folds) return form;
  return (
    <Fold
      title="Search and filter"
      note={clearHref === null ? undefined : 'In use'}
      open={state.key !== undefined}
    >
      {form}
    </Fold>
  );
}
