import type { ReactNode } from 'react';
import { Heading } from './Heading';
import styles from './Fold.module.css';

/**
 * A part of a page that a phone shows folded, under its title and what is in it in a word (`note`). On wider screens, and where
 * pages are printed, it always stands open, without anything to fold. `heads`: nothing in it names it, so there its title does.
 */
export function Fold({
  title,
  note,
  heads = false,
  children,
}: {
  title: string;
  note?: string;
  heads?: boolean;
  children: ReactNode;
}) {
  return (
    <details className={styles.fold} data-fold="">
      <summary className={styles.summary}>
        <h2 className={styles.title}>{title}</h2>
        {note === undefined ? null : <span className={styles.note}>{note}</span>}
      </summary>
      <div className={styles.body}>
        {heads ? (
          <div className={styles.head}>
            <Heading level={2}>{title}</Heading>
          </div>
        ) : null}
        {children}
      </div>
    </details>
  );
}
