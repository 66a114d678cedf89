import type { ReactNode } from 'react';
import { Disclosure } from '@/components/ui/Disclosure';
import { TextLink } from '@/components/ui/TextLink';
import { ChartTable } from './ChartTable';
import type { ChartScale } from './scale';
import styles from './ChartFrame.module.css';

/** What a chart draws for each of its steps; `tone` is its color, the same in light and dark. */
export type ChartSeries = { name: string; tone: 1 | 2 | 3 | 4; values: readonly (number | null)[] };

export type ChartProps = {
  title: string;
  /** What the chart says, in a sentence, for those who do not see it. */
  summary: string;
  steps: readonly string[];
  series: readonly ChartSeries[];
  say: (value: number) => string;
  csvHref: string;
};

/** In units of the drawing, which is as wide as its place: about 0.85 of a CSS pixel on a phone. */
const plot = { width: 400, height: 180, left: 46, right: 8, top: 8, bottom: 22 };
export const plotWidth = plot.width - plot.left - plot.right;
const plotHeight = plot.height - plot.top - plot.bottom;

/** The middle of a step, from the left. */
export function centerOf(step: number, steps: number): number {
  return plot.left + ((step + 0.5) / steps) * plotWidth;
}

/** A scale's place, from the top. */
export function heightOf(share: number): number {
  return plot.top + (1 - share) * plotHeight;
}

/**
 * A bar as a part of a path: all bars of a series are one path, since a page that draws a year has thousands of them. Empty where
 * the bar has no height.
 */
export function barPath({
  left,
  width,
  bottom,
  top,
}: Record<'left' | 'width' | 'bottom' | 'top', number>): string {
  if (!(bottom > top)) return '';
  return `M${round(left)} ${round(bottom)}V${round(top)}h${round(width)}V${round(bottom)}z`;
}

/** A hundredth of a unit is less than anybody sees. */
function round(length: number): number {
  return Number(length.toFixed(2));
}

/** A chart with its title, legend, axes, table and file; `children` are the marks. Where nothing happened, words instead of it. */
export function ChartFrame({
  title,
  summary,
  steps,
  series,
  say,
  csvHref,
  scale,
  children,
}: ChartProps & { scale: ChartScale; children: ReactNode }) {
  const named = namedSteps(steps.length);
  const isEmpty = series.every(({ values }) => values.every((value) => value === null || value === 0));
  return (
    <figure className={styles.figure}>
      <figcaption className={styles.caption}>{title}</figcaption>
      {series.length > 1 ? (
        <ul className={styles.legend}>
          {series.map(({ name, tone }) => (
            <li key={name}>
              <svg className={styles.swatch} viewBox="0 0 10 10" aria-hidden="true" focusable="false">
                <rect className={styles[`tone${tone}`]} width="10" height="10" rx="2" />
              </svg>
              {name}
            </li>
          ))}
        </ul>
      ) : null}
      {isEmpty ? (
        <p className={styles.empty}>Nothing in these days.</p>
      ) : (
        <svg
          className={styles.drawing}
          viewBox={`0 0 ${plot.width} ${plot.height}`}
          role="img"
          aria-label={summary}
        >
          {scale.ticks.map((tick) => (
            <g key={tick}>
              <line
                className={styles.line}
                x1={plot.left}
                x2={plot.width - plot.right}
                y1={heightOf(scale.place(tick))}
                y2={heightOf(scale.place(tick))}
              />
              <text
                className={styles.tick}
                x={plot.left - 6}
                y={heightOf(scale.place(tick)) + 4}
                textAnchor="end"
              >
                {say(tick)}
              </text>
            </g>
          ))}
          {children}
          {named.map(({ step, anchor }) => (
            <text
              key={step}
              className={styles.tick}
              x={
                anchor === 'start'
                  ? plot.left
                  : anchor === 'end'
                    ? plot.width - plot.right
                    : centerOf(step, steps.length)
              }
              y={plot.height - 6}
              textAnchor={anchor}
            >
              {steps[step]}
            </text>
          ))}
        </svg>
      )}
      <Disclosure summary={`${title}: table`}>
        <ChartTable
          label={`${title}: table`}
          columns={['When', ...series.map(({ name }) => name)]}
          rows={steps.map((step, index) => [
            step,
            ...series.map(({ values }) => (values[index] == null ? '–' : say(values[index]))),
          ])}
        />
        <TextLink href={csvHref}>Download as CSV</TextLink>
      </Disclosure>
    </figure>
  );
}

/** The first, the middle and the last step have their names below them; so they never overlap. */
function namedSteps(count: number): { step: number; anchor: 'start' | 'middle' | 'end' }[] {
  if (count === 1) return [{ step: 0, anchor: 'middle' }];
  const ends = [
    { step: 0, anchor: 'start' },
    { step: count - 1, anchor: 'end' },
  ] as const;
  if (count < 5) return [...ends];
  return [ends[0], { step: Math.floor((count - 1) / 2), anchor: 'middle' }, ends[1]];
}
