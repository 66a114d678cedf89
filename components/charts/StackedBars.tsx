import { stack } from 'd3-shape';
import { ChartFrame, barPath, centerOf, heightOf, plotWidth, type ChartProps } from './ChartFrame';
import { linearScale } from './scale';
import styles from './ChartFrame.module.css';

/** Bars for each step, one series on top of the other; what is not known counts as nothing. */
export function StackedBars(props: ChartProps) {
  const { steps, series } = props;
  const layers = stack<number, number>()
    .keys(series.map((_, index) => index))
    .value((step, key) => series[key]?.values[step] ?? 0)(steps.map((_, step) => step));
  const scale = linearScale(Math.max(0, ...(layers.at(-1)?.map(([, top]) => top) ?? [])));
  const width = Math.max(1, Math.min(28, (plotWidth / steps.length) * 0.72));
  return (
    <ChartFrame {...props} scale={scale}>
      {layers.map((layer, index) => (
        <path
          key={series[index]!.name}
          className={styles[`tone${series[index]!.tone}`]}
          d={layer
            .map(([from, to], step) =>
              barPath({
                left: centerOf(step, steps.length) - width / 2,
                width,
                bottom: heightOf(scale.place(from)),
                top: heightOf(scale.place(to)),
              }),
            )
            .join('')}
        />
      ))}
    </ChartFrame>
  );
}
