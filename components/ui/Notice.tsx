import type { ReactNode } from 'react';
import { classNames } from './class-names';
import { Icon, type IconName } from './Icon';
import styles from './Notice.module.css';

export type Tone = 'neutral' | 'info' | 'success' | 'warning' | 'danger';

const icons: Record<Tone, IconName> = {
  neutral: 'info',
  info: 'info',
  success: 'check',
  warning: 'alert',
  danger: 'alert',
};

/** Something to know that is on the page from the start; what answers an action is an `Alert`. */
export function Notice({
  tone = 'info',
  title,
  children,
}: {
  tone?: Tone;
  title?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <div className={classNames(styles.notice, styles[tone])}>
      <Icon name={icons[tone]} />
      <div className={styles.body}>
        {title ? <p className={styles.title}>{title}</p> : null}
        {children}
      </div>
    </div>
  );
}
