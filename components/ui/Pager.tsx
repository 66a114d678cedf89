import styles from './Pager.module.css';
import { TextLink } from './TextLink';

/** The ways on from one page of a list that is sorted newest first; null where there is none. */
export function Pager({
  label,
  newestHref,
  olderHref,
}: {
  label: string;
  newestHref: string | null;
  olderHref: string | null;
}) {
  if (!newestHref && !olderHref) return null;
  return (
    <nav className={styles.pager} aria-label={label}>
      {newestHref ? (
        <TextLink href={newestHref} standalone>
          Newest
        </TextLink>
      ) : null}
      {olderHref ? (
        <TextLink href={olderHref} standalone rel="next">
          Older
        </TextLink>
      ) : null}
    </nav>
  );
}
