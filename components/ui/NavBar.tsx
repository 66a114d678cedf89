import type { ReactNode } from 'react';
import styles from './NavBar.module.css';

/**
 * The ways through the site, as the `nav` of a page: `children` at the end of the brand's row, `links` in a row of their
 * own. `current` is the link of this page, or of the part of the site that this page belongs to (`isPart`).
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
  return (
    <>
      <div className={styles.end}>{children}</div>
      {links.length > 0 ? (
        <nav className={styles.links} aria-label="Main">
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
        </nav>
      ) : null}
    </>
  );
}
