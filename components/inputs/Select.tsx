import type { ComponentProps } from 'react';
import { classNames } from '@/components/ui/class-names';
import { describeField, Field, type FieldProps } from './Field';
import fieldStyles from './Field.module.css';
import styles from './Select.module.css';

export type SelectOption = { value: string; label: string };

/** The browser's own select under a label; groups with a `label` become optgroups. */
export function Select({
  label,
  hint,
  error,
  optional,
  name,
  id = name,
  options,
  className,
  ...rest
}: FieldProps &
  Omit<ComponentProps<'select'>, 'name' | 'id' | 'children'> & {
    name: string;
    id?: string;
    options: readonly (SelectOption | { label: string; options: readonly SelectOption[] })[];
  }) {
  return (
    <Field id={id} label={label} hint={hint} error={error} optional={optional}>
      <div className={styles.frame}>
        {/* A form reset after an action restores the option that was rendered first: a new key renders it again. */}
        <select
          {...rest}
          {...describeField(id, { hint, error })}
          key={String(rest.defaultValue)}
          id={id}
          name={name}
          className={classNames(fieldStyles.control, styles.select, className)}
        >
          {options.map((option) =>
            'options' in option ? (
              <optgroup key={option.label} label={option.label}>
                {option.options.map(({ value, label: words }) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </optgroup>
            ) : (
              <option key={option.value} value={option.value}>
                {option.label}
              </option>
            ),
          )}
        </select>
      </div>
    </Field>
  );
}
