import type { ComponentProps } from 'react';
import { classNames } from '@/components/ui/class-names';
import { describeField, Field, type FieldProps } from './Field';
import fieldStyles from './Field.module.css';
import styles from './TextArea.module.css';

/** Several lines of text under a label. The id is the name unless two forms on a page share it. */
export function TextArea({
  label,
  hint,
  error,
  optional,
  name,
  id = name,
  rows = 3,
  className,
  ...rest
}: FieldProps & Omit<ComponentProps<'textarea'>, 'name' | 'id'> & { name: string; id?: string }) {
  return (
    <Field id={id} label={label} hint={hint} error={error} optional={optional}>
      <textarea
        {...rest}
        {...describeField(id, { hint, error })}
        id={id}
        name={name}
        rows={rows}
        className={classNames(fieldStyles.control, styles.area, className)}
      />
    </Field>
  );
}
