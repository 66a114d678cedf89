'use client';

import type { ReactNode } from 'react';
import styles from './CompactTable.module.css';

/**
 * A few short columns of figures that stay side by side on a phone; the first names the row. With large text each row becomes a card
 * that names its figures. Roles are written out because a table laid out as cards loses them in some browsers. A component of the
 * browser for the size of the page alone, as ChartTable is.
 */
export function CompactTable({
  caption,
  columns,
  rows,
}: {
  caption: string;
  columns: readonly string[];
  rows: readonly (readonly [name: ReactNode, ...figures: ReactNode[]])[];
}) {
  return (
    <table className={styles.table} role="table">
      <caption className={styles.caption}>{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <th key={column} scope="col" role="columnheader">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map(([name, ...figures], index) => (
          <tr key={index} role="row">
            <th scope="row" role="rowheader">
              {name}
            </th>
            {figures.map((figure, column) => (
              <td key={column} role="cell" data-label={columns[column + 1]}>
                {figure}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
