import type { ReactNode } from 'react';
import { classNames } from './class-names';
import styles from './Heading.module.css';

/** A heading: level 1 names the page (one a page), 2 a card, 3 a part of it. `takesFocus`: a script may put the focus on it. */
export function Heading({
  children,
  level = 1,
  id,
  takesFocus = false,
}: {
  children: ReactNode;
  level?: 1 | 2 | 3;
  id?: string;
  takesFocus?: boolean;
}) {
  const Tag = `h${level}` as const;
  return (
    <Tag
      id={id}
      tabIndex={takesFocus ? -1 : undefined}
      className={classNames(styles.heading, styles[`level${level}`])}
    >
      {children}
    </Tag>
  );
}

/** The sentence under a heading that says what the page is for. */
export function Lead({ children }: { children: ReactNode }) {
  return <p className={styles.lead}>{children}</p>;
}

/** A heading and its lead, kept close together. */
export function HeadingGroup({ children }: { children: ReactNode }) {
  return <div className={styles.group}>{children}</div>;
}

/** A paragraph; `quiet` for what may be skipped. */
export function Text({ children, quiet = false }: { children: ReactNode; quiet?: boolean }) {
  return <p className={classNames(styles.text, quiet && styles.quiet)}>{children}</p>;
}

/** Running text with its own headings and lists: terms, privacy, receipts. */
export function Prose({ children }: { children: ReactNode }) {
  return <div className={styles.prose}>{children}</div>;
}

/** Things one under another at one of three distances. */
export function Stack({
  children,
  gap = 'medium',
}: {
  children: ReactNode;
  gap?: 'small' | 'medium' | 'large';
}) {
  return <div className={classNames(styles.stack, styles[gap])}>{children}</div>;
}
