'use client';

import styles from './Brand.module.css';
import { SiteName, useSiteLogo, useSiteName } from './SiteName';

/** What the site is known by, as the link home: the operator's logo and its name, or a mark and the name. */
export function Brand() {
  const logo = useSiteLogo();
  const name = useSiteName();
  const isWordmark = logo?.isWordmark === true;
  return (
    <a className={styles.brand} href="/">
      {logo === null ? (
        <svg className={styles.mark} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
          <rect className={styles.markGround} width="32" height="32" rx="8" />
          <path className={styles.markDoor} d="M10.5 22V11.5a5.5 5.5 0 0 1 11 0V22M7.5 25h17" />
          <circle className={styles.markKnob} cx="18" cy="17" r="1.3" />
        </svg>
      ) : (
        // One small picture of our own: nothing to optimize.
        // eslint-disable-next-line @next/next/no-img-element
        <img
          className={styles.logo}
          src={logo.src}
          width={logo.width}
          height={logo.height}
          alt={isWordmark ? name : ''}
        />
      )}
      {isWordmark ? null : <SiteName />}
    </a>
  );
}
