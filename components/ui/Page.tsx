import type { ReactNode } from 'react';
import { classNames } from './class-names';
import styles from './Page.module.css';
import { SiteName } from './SiteName';

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
        <a className={styles.brand} href="/">
          <svg className={styles.mark} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <rect className={styles.markGround} width="32" height="32" rx="8" />
            <path className={styles.markDoor} d="M10.5 22V11.5a5.5 5.5 0 0 1 11 0V22M7.5 25h17" />
            <circle className={styles.markKnob} cx="18" cy="17" r="1.3" />
          </svg>
          <SiteName />
        </a>
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
