import type { ReactNode } from 'react';
import styles from './CompactTable.module.css';

/** A few short columns of figures that stay side by side on a phone; the first names the row, `total` ends the table. */
export function CompactTable({
  caption,
  columns,
  rows,
  total,
}: {
  caption: string;
  columns: readonly string[];
  rows: readonly (readonly [name: ReactNode, ...figures: ReactNode[]])[];
  total?: readonly [name: string, ...figures: ReactNode[]];
}) {
  return (
    <table className={styles.table}>
      <caption className={styles.caption}>{caption}</caption>
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
        {rows.map((row, index) => (
          <Row key={index} row={row} />
        ))}
      </tbody>
      {total ? (
        <tfoot>
          <Row row={total} />
        </tfoot>
      ) : null}
    </table>
  );
}

function Row({ row: [name, ...figures] }: { row: readonly [name: ReactNode, ...figures: ReactNode[]] }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {figures.map((figure, column) => (
        <td key={column}>{figure}</td>
      ))}
    </tr>
  );
}
