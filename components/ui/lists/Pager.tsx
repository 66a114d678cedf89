import styles from './Pager.module.css';
import { TextLink } from '../TextLink';

/** The ways on from one page of a list; null where there is none. `first` and `next` name them: a list is sorted newest first. */
export function Pager({
  label,
  first = 'Newest',
  next = 'Older',
  newestHref,
  olderHref,
}: {
  label: string;
  first?: string;
  next?: string;
  newestHref: string | null;
  olderHref: string | null;
}) {
  if (!newestHref && !olderHref) return null;
  return (
    <nav className={styles.pager} aria-label={label}>
      {newestHref ? (
        <TextLink href={newestHref} standalone>
          {first}
        </TextLink>
      ) : null}
      {olderHref ? (
        <TextLink href={olderHref} standalone rel="next">
          {next}
        </TextLink>
      ) : null}
    </nav>
  );
}
