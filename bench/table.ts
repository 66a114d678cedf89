import { median, ratio, spread } from './figures';
import type { Figures } from './measure';
import type { Part } from './processor-time';

/** A row as it is shown: what was measured, and under it what it is compared to. */
export type TableRow = {
  name: string;
  figures: Figures;
  besideName: string;
  beside: Figures;
  /** Packed; null: no page belongs to it. */
  scriptBytes: number | null;
};

const heads = [
  'what',
  'alone, ms',
  'together, /s',
  'CPU, ms',
  'web + dispatcher + database',
  'statements',
  'commits',
  'that wait',
  'WAL, bytes',
  'scripts, KB',
];

const ourParts = ['web', 'dispatcher', 'database'] as const satisfies readonly Part[];

/**
 * One table in Markdown. Each row stands above what it is compared to; the third line of each says how many times that the row is,
 * by the median of the ratios of blocks that ran beside each other.
 */
export function renderTable(rows: readonly TableRow[]): string {
  const lines = rows.flatMap(({ name, figures, besideName, beside, scriptBytes }) => [
    [`**${name}**`, ...describe(figures), scriptBytes === null ? '' : (scriptBytes / 1000).toFixed(1)],
    [besideName, ...describe(beside), ''],
    [
      '= times',
      times(ratio(figures.aloneMs, beside.aloneMs)),
      times(ratio(figures.rates, beside.rates)),
      times(ratio(figures.processorMs.map(sumOf), beside.processorMs.map(sumOf))),
      '',
      ...(['statements', 'commits', 'waits', 'walBytes'] as const).map((name) =>
        // What is beside it may do none of this; the little that is left then is what the system did anyway.
        median(countsOf(beside, name)) < 0.5
          ? ''
          : times(ratio(countsOf(figures, name), countsOf(beside, name))),
      ),
      '',
    ],
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...lines.map((cells) => cells[column]!.length)),
  );
  const write = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [write(heads), rule, ...lines.map(write)].join('\n');
}

/** All that was used for an act, whatever used it. */
function sumOf(used: Record<Part, number>): number {
  return Object.values(used).reduce((sum, ms) => sum + ms, 0);
}

function countsOf({ counts }: Figures, name: keyof Figures['counts'][number]): number[] {
  return counts.map((each) => each[name]);
}

function describe(figures: Figures): string[] {
  const count = (name: keyof Figures['counts'][number], digits: number) => {
    const value = median(countsOf(figures, name));
    return Number.isNaN(value) ? '' : value.toFixed(digits);
  };
  return [
    withSpread(figures.aloneMs),
    withSpread(figures.rates),
    withSpread(figures.processorMs.map(sumOf).filter((ms) => ms > 0)),
    sayParts(figures.processorMs),
    count('statements', 1),
    count('commits', 1),
    count('waits', 1),
    count('walBytes', 0),
  ];
}

function sayParts(used: Figures['processorMs']): string {
  const medians = ourParts.map((part) => median(used.map((each) => each[part])));
  // Of the floor there is one process besides the database.
  const isOurs = medians[0]! > 0 || medians[1]! > 0;
  return isOurs ? medians.map((ms) => ms.toFixed(1)).join(' + ') : '';
}

/** `12.3 ±4%`: the median and how far the middle half of the blocks reaches to either side. Empty for no blocks. */
function withSpread(values: readonly number[]): string {
  if (values.length === 0) return '';
  const middle = median(values);
  return `${middle.toFixed(middle < 100 ? 1 : 0)} ±${Math.round(spread(values) * 100)}%`;
}

function times(value: number): string {
  return Number.isNaN(value) ? '' : `${value.toFixed(value < 10 ? 2 : 1)} ×`;
}
