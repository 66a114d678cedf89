'use client';

import { Button } from '@/components/ui/Button';
import { Text } from '@/components/ui/Heading';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './FilterForm.module.css';

/** The id of the form to which the boxes of a list belong. */
const bulkPickForm = 'bulk-pick';

/** A box beside an application in a list; `label` says which it is, for whoever hears only the box. */
export function BulkPick({ application, label }: { application: string; label: string }) {
  return (
    <input type="checkbox" form={bulkPickForm} name="application" value={application} aria-label={label} />
  );
}

/** Goes on with the applications that are checked, or with all that the list was narrowed down to. `filters` says to which. */
export function BulkPickForm({
  action,
  filters,
}: {
  action: FormAction<never>;
  filters: Record<string, string>;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form id={bulkPickForm} action={formAction} pending={pending} aria-label="Move many at once">
      <FormAlert state={state} fields={[]} />
      {Object.entries(filters).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <Text quiet>Nothing is moved yet: you say where to first, and see what would happen.</Text>
      <div className={styles.buttons}>
        <Button variant="secondary" pending={pending} name="which" value="checked">
          Go on with the checked ones
        </Button>
        <Button variant="quiet" pending={pending} name="which" value="all">
          Go on with all that are listed, on every page
        </Button>
      </div>
    </Form>
  );
}
