import type { ReactNode } from 'react';
import { Fold } from './Fold';
import styles from './NavBar.module.css';

/** So many links take two rows of a phone. */
const mostUnfolded = 5;

/**
 * The ways through the site, as the `nav` of a page: `children` at the end of the brand's row, `links` in a row of their
 * own. `current` is the link of this page, or of the part of the site that this page belongs to (`isPart`). Where there are more
 * links than two rows of a phone hold, it folds them under "Menu".
 */
export function NavBar({
  links = [],
  current,
  isPart = false,
  children,
}: {
  links?: readonly { href: string; label: string }[];
  current?: string;
  isPart?: boolean;
  children: ReactNode;
}) {
  const row = (
    <div className={styles.row}>
      {links.map(({ href, label }) => (
        <a
          key={href}
          className={styles.link}
          href={href}
          aria-current={href === current ? (isPart ? 'true' : 'page') : undefined}
        >
          {label}
        </a>
      ))}
    </div>
  );
  return (
    <>
      <div className={styles.end}>{children}</div>
      {links.length > 0 ? (
        <nav className={styles.links} aria-label="Main">
          {links.length <= mostUnfolded ? (
            row
          ) : (
            <Fold title="Menu" level={null} note={links.find(({ href }) => href === current)?.label}>
              {row}
            </Fold>
          )}
        </nav>
      ) : null}
    </>
  );
}
