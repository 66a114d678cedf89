import { ChartFrame, centerOf, heightOf, plotWidth, type ChartProps } from './ChartFrame';
import { linearScale } from './scale';
import styles from './ChartFrame.module.css';

/** Bars beside each other for each step, one a series: for counts that are no parts of one whole. */
export function GroupedBars(props: ChartProps) {
  const { steps, series } = props;
  const scale = linearScale(
    Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))),
  );
  const width = Math.max(1, Math.min(28, (plotWidth / steps.length) * 0.72)) / series.length;
  return (
    <ChartFrame {...props} scale={scale}>
      {series.map(({ name, tone, values }, index) => (
        <g key={name} className={styles[`tone${tone}`]}>
          {values.map((value, step) =>
            value ? (
              <rect
                key={step}
                x={centerOf(step, steps.length) + (index - series.length / 2) * width}
                y={heightOf(scale.place(value))}
                width={width}
                height={heightOf(0) - heightOf(scale.place(value))}
              />
            ) : null,
          )}
        </g>
      ))}
    </ChartFrame>
  );
}
