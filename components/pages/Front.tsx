import type { ReactNode } from 'react';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { OperatorContact } from './OperatorNote';
import styles from './Front.module.css';

/**
 * The front page: what the site is for and the ways in (`children`, buttons), what to have ready beside or below it, and who runs
 * the site where the installation says so.
 */
export function Front({
  title,
  lead,
  children,
  ready,
  operator,
}: {
  title: string;
  lead: string;
  children: ReactNode;
  ready: readonly { what: string; why: string }[];
  operator: { name: string | null; contact: string | null };
}) {
  return (
    <div className={styles.front}>
      <div className={styles.entry}>
        <HeadingGroup>
          <Heading>{title}</Heading>
          <Lead>{lead}</Lead>
        </HeadingGroup>
        <div className={styles.ways}>{children}</div>
      </div>
      <section className={styles.ready} aria-labelledby="ready">
        <Heading level={2} id="ready">
          Have these ready
        </Heading>
        <ul className={styles.list}>
          {ready.map(({ what, why }) => (
            <li key={what}>
              <strong>{what}</strong>
              <span className={styles.why}>{why}</span>
            </li>
          ))}
        </ul>
      </section>
      {operator.name === null && operator.contact === null ? null : (
        <p className={styles.operator}>
          {operator.name === null ? null : <>Run by {operator.name.replace(/\.$/, '')}. </>}
          {operator.contact === null ? null : (
            <>
              Questions? <OperatorContact contact={operator.contact} />
            </>
          )}
        </p>
      )}
    </div>
  );
}
