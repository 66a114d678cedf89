'use client';

import type { ComponentProps } from 'react';
import { useFormStatus } from 'react-dom';
import { classNames } from './class-names';
import styles from './Button.module.css';

export type ButtonVariant = 'primary' | 'secondary' | 'quiet' | 'danger';

/**
 * A button; in a form it submits unless `type` says otherwise. While its form is being sent (or `pending` says so)
 * it shows that, keeps its words and its focus, and takes no second click.
 */
export function Button({
  variant = 'primary',
  wide = false,
  pending,
  type = 'submit',
  onClick,
  children,
  className,
  ...rest
}: ComponentProps<'button'> & { variant?: ButtonVariant; wide?: boolean; pending?: boolean }) {
  const form = useFormStatus();
  const busy = pending ?? (type === 'submit' && form.pending);
  return (
    <button
      {...rest}
      type={type}
      className={classNames(styles.button, styles[variant], wide && styles.wide, className)}
      aria-disabled={busy || rest['aria-disabled']}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      <span className={styles.words}>{children}</span>
      {busy ? <span className={styles.spinner} aria-hidden="true" /> : null}
    </button>
  );
}
