import type { ComponentProps } from 'react';
import { classNames } from '@/components/ui/class-names';
import { describeField, Field, type FieldProps } from './Field';
import styles from './Field.module.css';

/** One line of text under a label. The id is the name unless two forms on a page share it. */
export function TextInput({
  label,
  hint,
  error,
  announcedOn,
  optional,
  name,
  id = name,
  type = 'text',
  className,
  ...rest
}: FieldProps & Omit<ComponentProps<'input'>, 'name' | 'id'> & { name: string; id?: string }) {
  return (
    <Field id={id} label={label} hint={hint} error={error} announcedOn={announcedOn} optional={optional}>
      <input
        {...rest}
        {...describeField(id, { hint, error })}
        id={id}
        name={name}
        type={type}
        className={classNames(styles.control, className)}
      />
    </Field>
  );
}
