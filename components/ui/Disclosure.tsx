import type { ReactNode } from 'react';
import styles from './Disclosure.module.css';

/** Something that opens in place under its summary, with the browser's own `details`. */
export function Disclosure({
  summary,
  open,
  children,
}: {
  summary: ReactNode;
  open?: boolean;
  children: ReactNode;
}) {
  return (
    <details className={styles.disclosure} open={open || undefined}>
      <summary className={styles.summary}>{summary}</summary>
      <div className={styles.body}>{children}</div>
    </details>
  );
}
