import { ChartFrame, barPath, centerOf, heightOf, plotWidth, type ChartProps } from './ChartFrame';
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
        <path
          key={name}
          className={styles[`tone${tone}`]}
          d={values
            .map((value, step) =>
              barPath({
                left: centerOf(step, steps.length) + (index - series.length / 2) * width,
                width,
                bottom: heightOf(0),
                top: heightOf(scale.place(value ?? 0)),
              }),
            )
            .join('')}
        />
      ))}
    </ChartFrame>
  );
}
