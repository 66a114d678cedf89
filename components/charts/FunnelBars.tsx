import styles from './FunnelBars.module.css';

/** How many got how far: a bar for each step, as long as its share of the first. */
export function FunnelBars({
  label,
  steps,
}: {
  label: string;
  steps: readonly { name: string; count: number }[];
}) {
  const first = steps[0]?.count ?? 0;
  return (
    <ol className={styles.list} aria-label={label}>
      {steps.map(({ name, count }) => {
        const share = first === 0 ? 0 : Math.min(1, count / first);
        return (
          <li key={name} className={styles.step}>
            <span className={styles.name}>{name}</span>
            <svg
              className={styles.bar}
              viewBox="0 0 100 8"
              preserveAspectRatio="none"
              aria-hidden="true"
              focusable="false"
            >
              <rect className={styles.ground} width="100" height="8" />
              <rect className={styles.share} width={share * 100} height="8" />
            </svg>
            <span className={styles.count}>
              {count.toLocaleString('en-US')}
              {first === 0 ? null : ` (${Math.round(share * 100)}%)`}
            </span>
          </li>
        );
      })}
    </ol>
  );
}
