import type { ReactNode } from 'react';
import { classNames } from './class-names';
import styles from './Written.module.css';

/** What a person wrote, its line breaks kept; `quoted` sets it off from the words around it. */
export function Written({ children, quoted = false }: { children: ReactNode; quoted?: boolean }) {
  return <span className={classNames(styles.written, quoted && styles.quoted)}>{children}</span>;
}
