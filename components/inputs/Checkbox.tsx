import type { ComponentProps } from 'react';
import styles from './Checkbox.module.css';
import { describeField, FieldError, type FieldProps } from './Field';

/** A check box with its label, its error and a hint (links allowed). */
export function Checkbox({
  label,
  hint,
  error,
  name,
  id = name,
  ...rest
}: Omit<FieldProps, 'optional'> &
  Omit<ComponentProps<'input'>, 'name' | 'id' | 'type' | 'className'> & {
    name: string;
    id?: string;
  }) {
  return (
    <div className={styles.checkbox}>
      <label className={styles.row}>
        <input
          {...rest}
          {...describeField(id, { hint, error })}
          id={id}
          name={name}
          type="checkbox"
          className={styles.box}
        />
        <span className={styles.label}>{label}</span>
      </label>
      {error || hint ? (
        <div className={styles.below}>
          <FieldError id={id} error={error} />
          {hint ? (
            <div className={styles.hint} id={`${id}-hint`}>
              {hint}
            </div>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}
