import type { ReactNode } from 'react';
import styles from './Sections.module.css';

/**
 * The sections of a long page and the links to them: beside each other on a wide `Page`, where the links stay in view, and the
 * links above on a phone. `links` name the ids of the sections' headings.
 */
export function Sections({
  links,
  children,
}: {
  links: readonly { id: string; label: string }[];
  children: ReactNode;
}) {
  return (
    <div className={styles.layout}>
      <nav className={styles.nav} aria-label="On this page">
        {links.map(({ id, label }) => (
          <a key={id} className={styles.link} href={`#${id}`}>
            {label}
          </a>
        ))}
      </nav>
      <div className={styles.content}>{children}</div>
    </div>
  );
}
