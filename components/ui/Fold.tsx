import type { ReactNode } from 'react';
import { Heading } from './Heading';
import styles from './Fold.module.css';

/**
 * A part of a page that a phone shows folded, under its title and what is in it in a word (`note`). On wider screens, and where
 * pages are printed, it always stands open, without anything to fold. `heads`: nothing in it names it, so there its title does.
 * `open`: a phone shows it open at first. `level` null: its title is no heading.
 */
export function Fold({
  title,
  note,
  heads = false,
  level = 2,
  open,
  children,
}: {
  title: string;
  note?: string;
  heads?: boolean;
  level?: 2 | 3 | null;
  open?: boolean;
  children: ReactNode;
}) {
  const Title = level === null ? 'span' : (`h${level}` as const);
  return (
    <details className={styles.fold} data-fold="" open={open || undefined}>
      <summary className={styles.summary}>
        <Title className={styles.title}>{title}</Title>
        {note === undefined ? null : <span className={styles.note}>{note}</span>}
      </summary>
      <div className={styles.body}>
        {heads && level !== null ? (
          <div className={styles.head}>
            <Heading level={level}>{title}</Heading>
          </div>
        ) : null}
        {children}
      </div>
    </details>
  );
}
