import type { ComponentProps } from 'react';
import type { ButtonVariant } from './Button';
import styles from './Button.module.css';
import { classNames } from './class-names';

/** A link that looks like a button: it goes somewhere and changes nothing. */
export function LinkButton({
  variant = 'secondary',
  wide = false,
  className,
  children,
  ...rest
}: ComponentProps<'a'> & { href: string; variant?: ButtonVariant; wide?: boolean }) {
  return (
    <a {...rest} className={classNames(styles.button, styles[variant], wide && styles.wide, className)}>
      {children}
    </a>
  );
}
