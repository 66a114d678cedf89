import type { ReactNode } from 'react';
import styles from './Disclosure.module.css';

/**
 * Something that opens in place under its summary, with the browser's own `details`. `beside`: what it is about, on one line
 * with the summary; what opens is below both.
 */
export function Disclosure({
  summary,
  open,
  beside,
  children,
}: {
  summary: ReactNode;
  beside?: ReactNode;
  open?: boolean;
  children: ReactNode;
}) {
  const details = (
    <details className={styles.disclosure} open={open || undefined}>
      <summary className={styles.summary}>{summary}</summary>
      <div className={styles.body}>{children}</div>
    </details>
  );
  if (!beside) return details;
  return (
    <div className={styles.row}>
      <div className={styles.beside}>{beside}</div>
      {details}
    </div>
  );
}
