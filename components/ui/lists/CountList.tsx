import { Fold } from '../Fold';
import styles from './CountList.module.css';

export type CountedPart = { id: string; href: string; words: string; count?: string; isCurrent: boolean };

/** The parts of a list, each a link that says how many are in it. `folds`: a phone shows only which it is, and the others unfold. */
export function CountList({
  label,
  parts,
  folds = false,
}: {
  label: string;
  parts: readonly CountedPart[];
  folds?: boolean;
}) {
  const list = (
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
  );
  return (
    <nav aria-label={label}>
      {folds ? (
        <Fold title={label} level={null} note={parts.find(({ isCurrent }) => isCurrent)?.words}>
          {list}
        </Fold>
      ) : (
        list
      )}
    </nav>
  );
}
