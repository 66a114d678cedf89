import { writeCsvRow, type Cell } from '@/lib/csv';
import { packFields, type PackRow, type PackSection, type SaidGate } from './pack-rows';

/** Rows as the pieces of an array of JSON, a row a line; `isFirst`: no row of the section came before them. */
export function writePackJson(rows: readonly PackRow[], isFirst: boolean): string {
  return rows.map((row, index) => `${isFirst && index === 0 ? '' : ','}\n${JSON.stringify(row)}`).join('');
}

/** Rows as lines of CSV, under their names where they are the first. */
export function writePackCsv(section: PackSection, rows: readonly PackRow[], isFirst: boolean): string {
  const names = packFields(section);
  const head = isFirst ? writeCsvRow(names) : '';
  return head + rows.map((row) => writeCsvRow(names.map((name) => cellOf(row[name])))).join('');
}

function cellOf(value: PackRow[string] | undefined): Cell {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return (value as readonly SaidGate[]).map(writeGate).join('; ');
  return typeof value === 'object' ? JSON.stringify(value) : (value as Cell);
}

function writeGate({ gate, answer, reason }: SaidGate): string {
  return `${gate}: ${answer}${reason === null ? '' : ` (${reason})`}`;
}
