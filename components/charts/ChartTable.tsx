'use client';

import styles from './ChartTable.module.css';

/**
 * What a chart draws, as a table that scrolls in its own place. A component of the browser only for its size: so a page carries
 * its figures beside the markup, and not the markup once more, which for a chart of many days is most of the page.
 */
export function ChartTable({
  label,
  columns,
  rows,
}: {
  label: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}) {
  return (
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([step, ...figures], index) => (
            <tr key={index}>
              <th scope="row">{step}</th>
              {figures.map((figure, column) => (
                <td key={column}>{figure}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
