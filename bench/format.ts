import type { Goal, Panel } from './comparison.js';

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

export function count(value: number): string {
  return whole.format(value);
}

export function figure(value: number, unit: Panel['unit']): string {
  if (unit === 'ms' && value >= 10_000) return `${short.format(value / 1_000)} s`;
  const number = value >= 100 ? whole.format(value) : short.format(value);
  return unit === 'ms' ? `${number} ms` : `${number}${unit}`;
}

export function ratio(value: number): string {
  return `${value < 10 ? value.toFixed(2) : short.format(value)}×`;
}

export function range(from: number, to: number, show: (value: number) => string): string {
  return `${show(from)} – ${show(to)}`;
}

export function limitOf({ direction, limit, unit }: Goal): string {
  return `${direction} ${short.format(limit)}${unit}`;
}

export function measuredValue({ value, unit }: Goal): string {
  return unit === '×' ? ratio(value) : count(value);
}
