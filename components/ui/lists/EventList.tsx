import type { ReactNode } from 'react';
import { Badge } from '../Badge';
import styles from './EventList.module.css';
import type { Tone } from '../Notice';

export type EventItem = {
  id: string;
  title: ReactNode;
  /** The id of the title, for a button that speaks of this item. */
  titleId?: string;
  /** When it happened: a `time`, perhaps with words around it. */
  when: ReactNode;
  badge?: { tone: Tone; words: string };
  details?: readonly ReactNode[];
  action?: ReactNode;
};

/** What happened, item by item, each with its moment; `empty` is said when there is nothing. */
export function EventList({ items, empty }: { items: readonly EventItem[]; empty: string }) {
  if (items.length === 0) return <p className={styles.empty}>{empty}</p>;
  return (
    <ul className={styles.list}>
      {items.map(({ id, title, titleId, when, badge, details = [], action }) => (
        <li key={id} className={styles.item}>
          <div className={styles.head}>
            <span className={styles.title} id={titleId}>
              {title}
            </span>
            {badge ? <Badge tone={badge.tone}>{badge.words}</Badge> : null}
          </div>
          <div className={styles.facts}>
            <p className={styles.when}>{when}</p>
            {details.map((detail, index) => (
              <p key={index} className={styles.detail}>
                {detail}
              </p>
            ))}
          </div>
          {action ? <div className={styles.action}>{action}</div> : null}
        </li>
      ))}
    </ul>
  );
}
