import type { ComponentProps } from 'react';
import { classNames } from './class-names';
import styles from './TextLink.module.css';

/** A link in or under text. `standalone` gives one outside a sentence the height of a thumb. */
export function TextLink({
  standalone = false,
  className,
  children,
  ...rest
}: ComponentProps<'a'> & { href: string; standalone?: boolean }) {
  return (
    <a {...rest} className={classNames(standalone && styles.standalone, className) || undefined}>
      {children}
    </a>
  );
}
