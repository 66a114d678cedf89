import type { ReactNode } from 'react';
import styles from './FigureGrid.module.css';

export type FigureTone = 'plain' | 'warning' | 'danger';

/** Figures beside each other, each with its name and a line of context; as many in a row as fit. */
export function FigureGrid({
  label,
  figures,
}: {
  label: string;
  figures: readonly { name: string; value: ReactNode; context?: ReactNode; tone?: FigureTone; id?: string }[];
}) {
  return (
    <dl className={styles.grid} aria-label={label}>
      {figures.map(({ name, value, context, tone = 'plain', id }) => (
        <div key={name} className={styles.figure} data-figure={id}>
          <dt className={styles.name}>{name}</dt>
          <dd className={styles[tone]}>{value}</dd>
          {context ? <dd className={styles.context}>{context}</dd> : null}
        </div>
      ))}
    </dl>
  );
}
