import { useId, type ReactNode } from 'react';
import { classNames } from '../class-names';
import styles from './DataTable.module.css';

export type DataColumn<Key extends string> = {
  key: Key;
  header: string;
  align?: 'start' | 'end';
  /** Where a row is a card: `mark` is before the next cell, on its line; `plain` is understood without its header. */
  inCard?: 'mark' | 'plain';
};

/**
 * Rows and columns under a heading that names them; on phones each row becomes a card that names its cells. `empty` is said when
 * there is no row. Roles are written out because a table laid out as cards loses them in some browsers.
 */
export function DataTable<Key extends string>({
  caption,
  columns,
  rows,
  empty,
}: {
  caption: string;
  columns: readonly DataColumn<Key>[];
  rows: readonly { id: string; cells: Record<Key, ReactNode> }[];
  empty: ReactNode;
}) {
  const id = useId();
  if (rows.length === 0) {
    return (
      <div>
        <h2 className={styles.caption}>{caption}</h2>
        <p className={styles.empty}>{empty}</p>
      </div>
    );
  }
  return (
    <div className={styles.frame}>
      <h2 className={styles.caption} id={id}>
        {caption}
      </h2>
      <table className={styles.table} role="table" aria-labelledby={id}>
        <thead className={styles.head} role="rowgroup">
          <tr role="row">
            {columns.map(({ key, header, align }) => (
              <th
                key={key}
                scope="col"
                role="columnheader"
                className={classNames(align === 'end' && styles.end)}
              >
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map(({ id: row, cells }) => (
            <tr key={row} role="row" className={styles.row}>
              {columns.map(({ key, header, align, inCard }) => (
                <td
                  key={key}
                  role="cell"
                  data-label={header}
                  data-empty={cells[key] === '–' ? '' : undefined}
                  className={classNames(styles.cell, align === 'end' && styles.end, inCard && styles[inCard])}
                >
                  <div className={styles.content}>{cells[key]}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
