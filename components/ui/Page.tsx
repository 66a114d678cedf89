import type { ReactNode } from 'react';
import { Brand } from './Brand';
import { classNames } from './class-names';
import styles from './Page.module.css';

/**
 * The shell of every page: brand, one column, footer. `wide` is for tables; `nav` is a `NavBar`.
 */
export function Page({
  children,
  wide = false,
  nav,
}: {
  children: ReactNode;
  wide?: boolean;
  nav?: ReactNode;
}) {
  return (
    <div className={classNames(styles.page, wide && styles.wide)}>
      <a className={styles.skip} href="#content">
        Skip to the content
      </a>
      <header className={styles.header}>
        <Brand />
        {nav}
      </header>
      <main className={styles.main} id="content" tabIndex={-1}>
        {children}
      </main>
      <footer className={styles.footer}>
        <a href="/terms">Terms</a>
        <a href="/privacy">Privacy</a>
      </footer>
    </div>
  );
}
