/** What stands in a cell; null: nothing. */
export type Cell = string | number | boolean | null;

/** A line of a CSV file (RFC 4180). */
export function writeCsvRow(cells: readonly Cell[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`;
}

/**
 * Text that a spreadsheet would take for a formula, also behind spaces and what cannot be seen, gets a quote in front (OWASP, CSV
 * injection). A phone number or what it begins with is none, and stays as it is.
 */
function writeCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return Number.isFinite(cell) ? String(Number(cell.toFixed(3))) : '';
  if (typeof cell === 'boolean') return String(cell);
  const isFormula =
    /^(?:[\s\p{Cc}\p{Cf}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n])/u.test(cell) &&
    !/^\+\d[\d ]*\u2026?$/.test(cell);
  const harmless = isFormula ? `'${cell}` : cell;
  // In some countries a spreadsheet separates cells by semicolons or tabs.
  return /[",;\t\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
