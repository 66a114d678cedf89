import type { ReactNode } from 'react';
import styles from './Card.module.css';

/** A group of content on its own surface; on phones it runs from edge to edge. `id` is for links to it. */
export function Card({ children, label, id }: { children: ReactNode; label?: string; id?: string }) {
  return (
    <section className={styles.card} aria-label={label} id={id}>
      {children}
    </section>
  );
}
