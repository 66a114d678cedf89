import { sql, type SQL } from 'drizzle-orm';
import { isId } from '@/lib/random';

/** A place in a list that is sorted by time and id, newest first: the last row that was shown. */
export type Keyset = { at: string; id: string };

/**
 * Writes a place for a link. The instant is the database's own text of it, since a Date has no microseconds and a row
 * between two of them would be left out or shown twice.
 */
export function writeKeyset({ at, id }: Keyset): string {
  return `${at}_${id}`;
}

/** Reads a place from a link; null for anything that `writeKeyset` did not write. */
export function readKeyset(text: string | undefined, id: 'uuid' | 'number'): Keyset | null {
  const parts = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z)_([0-9a-f-]{1,36})$/.exec(text ?? '');
  if (!parts || !isInstant(parts[1]!)) return null;
  const isRight = id === 'uuid' ? isId : isSerial;
  return isRight(parts[2]!) ? { at: parts[1]!, id: parts[2]! } : null;
}

function isSerial(text: string): boolean {
  return /^(0|[1-9][0-9]{0,17})$/.test(text);
}

/** Whether it names a day that exists, in years that PostgreSQL and Date agree on. */
function isInstant(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && time > 0 && new Date(time).toISOString().slice(0, 19) === text.slice(0, 19);
}

/** An instant as `writeKeyset` takes it, exact to the microsecond. */
export function exactInstant(instant: SQL): SQL<string> {
  return sql<string>`to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** One page of rows that were read with one more than the page holds; the last one shown is the place to go on from. */
export function cutPage<Row extends Keyset>(
  rows: readonly Row[],
  pageSize: number,
): { rows: Row[]; older: string | null } {
  const shown = rows.slice(0, pageSize);
  const last = shown.at(-1);
  return { rows: shown, older: last && rows.length > pageSize ? writeKeyset(last) : null };
}
