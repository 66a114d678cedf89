import type { ReactNode } from 'react';
import { Heading } from '../Heading';
import styles from './TaskList.module.css';

export type Task = { id: string; title: string; words: ReactNode; action: ReactNode };

/** What is still to do, one below the other: what, why, and the button or link that does it. */
export function TaskList({ tasks }: { tasks: readonly Task[] }) {
  return (
    <ul className={styles.list}>
      {tasks.map(({ id, title, words, action }) => (
        <li key={id} className={styles.task}>
          <Heading level={3}>{title}</Heading>
          <p className={styles.words}>{words}</p>
          <div className={styles.action}>{action}</div>
        </li>
      ))}
    </ul>
  );
}
