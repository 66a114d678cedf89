import styles from './CountList.module.css';

export type CountedPart = { id: string; href: string; words: string; count?: string; isCurrent: boolean };

/** The parts of a list, each a link that says how many are in it. */
export function CountList({ label, parts }: { label: string; parts: readonly CountedPart[] }) {
  return (
    <nav aria-label={label}>
      <ul className={styles.list}>
        {parts.map(({ id, href, words, count, isCurrent }) => (
          <li key={id}>
            <a className={styles.link} href={href} aria-current={isCurrent ? 'true' : undefined}>
              {words}
              {count === undefined ? null : (
                <span className={styles.count} data-count-of={id}>
                  {count}
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
