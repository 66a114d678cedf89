'use client';

import type { ComponentProps } from 'react';
import styles from './Form.module.css';

/**
 * A form sent to a server action, with or without JavaScript. Our own words are beside the fields, so the
 * browser's bubbles are off; a second submit while the first is under way is dropped.
 */
export function Form({
  pending = false,
  onSubmit,
  children,
  ...rest
}: ComponentProps<'form'> & { pending?: boolean }) {
  return (
    <form
      {...rest}
      noValidate
      className={styles.form}
      onSubmit={(event) => {
        if (pending) event.preventDefault();
        else onSubmit?.(event);
      }}
    >
      {children}
    </form>
  );
}
