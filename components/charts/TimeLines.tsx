import { line } from 'd3-shape';
import { ChartFrame, centerOf, heightOf, type ChartProps } from './ChartFrame';
import { timeScale } from './scale';
import frame from './ChartFrame.module.css';
import styles from './TimeLines.module.css';

/** How long something took in each step, in seconds, a line for each series; it is broken where nothing is known. */
export function TimeLines(props: ChartProps) {
  const { steps, series } = props;
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  const scale = timeScale(Math.max(1, ...known));
  const draw = line<number | null>()
    .defined((value) => value !== null)
    .x((_, step) => centerOf(step, steps.length))
    .y((value) => heightOf(scale.place(value ?? 0)));
  return (
    <ChartFrame {...props} scale={scale}>
      {series.map(({ name, tone, values }) => (
        <g key={name} className={frame[`tone${tone}`]}>
          <path className={styles.path} d={draw([...values]) ?? undefined} />
          <path
            className={styles.dots}
            d={values
              .map((value, step) =>
                value === null
                  ? ''
                  : `M${centerOf(step, steps.length).toFixed(2)} ${heightOf(scale.place(value)).toFixed(2)}h0`,
              )
              .join('')}
          />
        </g>
      ))}
    </ChartFrame>
  );
}
