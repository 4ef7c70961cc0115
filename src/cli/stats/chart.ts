import { plot } from 'asciichart';

const HEIGHT = 6;
/** Shorter labels meet the axis. */
const LABEL_WIDTH = 6;

/** A line chart of whole numbers, as wide as it may be: days that do not fit are taken together by their average. */
export function chart(values: readonly number[], width: number): string {
  const max = Math.max(...values, 1);
  const label = (value: number) => Math.round(value).toLocaleString('en').padStart(LABEL_WIDTH);
  const room = width - label(max).length - 4;
  // One column for each step between days, as many as there is room for.
  const perDay = Math.max(1, Math.floor(room / values.length));
  const step = Math.max(1, Math.ceil(values.length / room));
  const series: number[] = [];
  for (let day = 0; day < values.length; day += step) {
    const days = values.slice(day, day + step);
    const average = days.reduce((sum, value) => sum + value, 0) / days.length;
    series.push(...Array.from({ length: Math.min(perDay, 8) }, () => average));
  }
  const shown = plot(series, {
    height: Math.min(HEIGHT, max),
    min: 0,
    max,
    format: label,
  });
  return shown
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
