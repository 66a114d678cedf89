import styles from './NumberInUse.module.css';

/** A person's own number, whole and on one line: for the browser that typed it, and for who is signed in. */
export function NumberInUse({ phone }: { phone: string }) {
  return <span className={styles.number}>{phone}</span>;
}
