import type { ReactNode } from 'react';
import { Badge } from '@/components/ui/Badge';
import type { Tone } from '@/components/ui/Notice';
import styles from './PhoneState.module.css';

export type PhoneStateValue = 'none' | 'unverified' | 'verified' | 'moved';

const badges: Record<PhoneStateValue, { tone: Tone; words: string }> = {
  none: { tone: 'neutral', words: 'None yet' },
  unverified: { tone: 'warning', words: 'Not verified' },
  verified: { tone: 'success', words: 'Verified' },
  moved: { tone: 'danger', words: 'Now used by someone else' },
};

/** The phone of an account and how far it is proven; `phone` comes masked or formatted, as the page may show it. */
export function PhoneState({
  state,
  phone,
  children,
}: {
  state: PhoneStateValue;
  phone?: ReactNode;
  children?: ReactNode;
}) {
  const { tone, words } = badges[state];
  return (
    <span className={styles.phone} data-phone-state={state}>
      {phone ? <span className={styles.number}>{phone}</span> : null}
      <Badge tone={tone}>{words}</Badge>
      {children}
    </span>
  );
}
