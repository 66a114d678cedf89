import styles from './Written.module.css';

/** What someone wrote, with its own lines. */
export function Written({ children }: { children: string }) {
  return <span className={styles.written}>{children}</span>;
}
