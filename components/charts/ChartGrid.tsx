import type { ReactNode } from 'react';
import styles from './ChartGrid.module.css';

/** Charts, two beside each other where there is room. */
export function ChartGrid({ children }: { children: ReactNode }) {
  return <div className={styles.grid}>{children}</div>;
}
