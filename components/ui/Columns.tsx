import type { ReactNode } from 'react';
import styles from './Columns.module.css';
import { classNames } from './class-names';

/**
 * Cards in two columns on a wide `Page`, else all below each other: those of `first`, then those of `second`. What matters first
 * gets more room, unless both are `even`. Either may be empty.
 */
export function Columns({
  first,
  second,
  even = false,
}: {
  first: ReactNode;
  second: ReactNode;
  even?: boolean;
}) {
  return (
    <div className={classNames(styles.columns, even ? styles.even : styles.uneven)}>
      <div className={styles.column}>{first}</div>
      <div className={styles.column}>{second}</div>
    </div>
  );
}
