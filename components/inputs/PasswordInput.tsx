'use client';

import { useEffect, useRef, useState, type ChangeEvent, type ComponentProps, type FocusEvent } from 'react';
import { classNames } from '@/components/ui/class-names';
import { describeField, Field, type FieldProps } from './Field';
import fieldStyles from './Field.module.css';
import { Icon } from '@/components/ui/Icon';
import type { PasswordVerdict } from './password-verdict';
import styles from './PasswordInput.module.css';
import { useSiteName } from '@/components/ui/SiteName';
import { useHydrated } from '@/components/ui/use-hydrated';

const loadVerdict = () => import('./password-verdict');

/**
 * A password under a label, with a button that shows it. `measure` is for a new password: its strength is said while
 * it is typed (the list of common ones is loaded on first focus), read beside the form's `email` and `name` fields.
 */
export function PasswordInput({
  label,
  hint,
  error,
  optional,
  name,
  id = name,
  measure = false,
  className,
  onChange,
  onFocus,
  ref,
  ...rest
}: FieldProps &
  Omit<ComponentProps<'input'>, 'name' | 'id' | 'type'> & { name: string; id?: string; measure?: boolean }) {
  const hydrated = useHydrated();
  const siteName = useSiteName();
  const input = useRef<HTMLInputElement>(null);
  const [shown, setShown] = useState(false);
  const [verdict, setVerdict] = useState<PasswordVerdict | null>(null);

  useEffect(() => {
    const form = input.current?.form;
    if (!form) return;
    const hide = () => setShown(false);
    const forget = () => setVerdict(null);
    form.addEventListener('submit', hide);
    form.addEventListener('reset', forget);
    return () => {
      form.removeEventListener('submit', hide);
      form.removeEventListener('reset', forget);
    };
  }, []);

  async function judge(field: HTMLInputElement) {
    if (!field.value) return setVerdict(null);
    const { judgePassword } = await loadVerdict();
    const entry = (other: string) => {
      const control = field.form?.elements.namedItem(other);
      return control instanceof HTMLInputElement ? control.value : undefined;
    };
    setVerdict(
      field.value
        ? judgePassword(field.value, { siteName, email: entry('email'), name: entry('name') })
        : null,
    );
  }

  const said = error ? null : verdict;
  const advice = measure ? (
    <>
      <span role="status">{said ? said.words : (hint ?? 'At least 8 characters. Longer is stronger.')}</span>
      <span className={styles.meter} data-level={said?.level ?? 'none'} aria-hidden="true">
        <span />
        <span />
        <span />
      </span>
    </>
  ) : (
    hint
  );

  return (
    <Field id={id} label={label} hint={advice} error={error} optional={optional}>
      <div className={styles.frame}>
        <input
          autoCapitalize="none"
          autoCorrect="off"
          spellCheck={false}
          {...rest}
          {...describeField(id, { hint: advice, error })}
          ref={(element) => {
            input.current = element;
            if (typeof ref === 'function') return ref(element);
            if (ref) ref.current = element;
          }}
          id={id}
          name={name}
          type={shown ? 'text' : 'password'}
          className={classNames(fieldStyles.control, hydrated && styles.withToggle, className)}
          onFocus={(event: FocusEvent<HTMLInputElement>) => {
            if (measure) loadVerdict().catch(() => {});
            onFocus?.(event);
          }}
          onChange={(event: ChangeEvent<HTMLInputElement>) => {
            if (measure) judge(event.currentTarget).catch(() => setVerdict(null));
            onChange?.(event);
          }}
        />
        {hydrated ? (
          <button
            className={styles.toggle}
            type="button"
            aria-label="Show password"
            aria-pressed={shown}
            aria-controls={id}
            onClick={() => setShown(!shown)}
          >
            <Icon name={shown ? 'eye-off' : 'eye'} />
          </button>
        ) : null}
      </div>
    </Field>
  );
}
