import type { ReactNode } from 'react';
import styles from './Badge.module.css';
import { classNames } from './class-names';
import type { Tone } from './Notice';

/** One or two words of state beside what they describe. */
export function Badge({ tone = 'neutral', children }: { tone?: Tone; children: ReactNode }) {
  return <span className={classNames(styles.badge, styles[tone])}>{children}</span>;
}
