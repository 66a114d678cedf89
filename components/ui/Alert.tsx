'use client';

import { useEffect, useRef, type ReactNode } from 'react';
import styles from './Alert.module.css';
import { Notice } from './Notice';

/**
 * The answer to what a person has just done, announced by screen readers. It takes the focus each time `focusOn`
 * becomes another value; undefined leaves the focus alone.
 */
export function Alert({
  tone = 'error',
  title,
  children,
  focusOn,
}: {
  tone?: 'error' | 'warning' | 'success' | 'info';
  title?: ReactNode;
  children?: ReactNode;
  focusOn?: unknown;
}) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (focusOn !== undefined) box.current?.focus();
  }, [focusOn]);
  return (
    <div
      ref={box}
      className={styles.alert}
      role={tone === 'error' || tone === 'warning' ? 'alert' : 'status'}
      tabIndex={-1}
    >
      <Notice tone={tone === 'error' ? 'danger' : tone} title={title}>
        {children}
      </Notice>
    </div>
  );
}
