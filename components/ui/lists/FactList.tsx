import type { ReactNode } from 'react';
import styles from './FactList.module.css';

/** Facts as term and detail, a row each; `action` is a link or button at the row's end; without a `detail` it is the answer. */
export function FactList({
  facts,
}: {
  facts: readonly { term: string; detail: ReactNode; action?: ReactNode }[];
}) {
  return (
    <dl className={styles.list}>
      {facts.map(({ term, detail, action }) => (
        <div className={styles.row} key={term}>
          <dt className={styles.term}>{term}</dt>
          {detail === null ? null : <dd className={styles.detail}>{detail}</dd>}
          {action ? <dd className={styles.action}>{action}</dd> : null}
        </div>
      ))}
    </dl>
  );
}
