import type { Day } from './day.js';
import type { Sample } from './sample.js';
import { hotShare, medianOf, megabytes, rules, thirdsOf } from './verdict.js';

const HEAD = ['time', 'calls/s', 'longest', 'heap', 'process', 'codes', 'HOT', 'dead', 'uses', 'uses size', 'drift'];
const WIDTHS = [7, 8, 8, 8, 9, 8, 6, 6, 7, 10, 5];

export function headLine(): string {
  return lineOf(HEAD);
}

/** One line of the table. */
export function sampleLine(sample: Sample, all: readonly Sample[]): string {
  const { codes, uses } = sample.tables;
  const before = all.at(-2)?.tables.codes ?? { hot: 0, updates: 0 };
  const updates = codes.updates - before.updates;
  return lineOf([
    `${Math.round(sample.atMs / 1_000)} s`,
    sample.rate.toFixed(0),
    `${sample.longestMs.toFixed(0)} ms`,
    megabytes(sample.heapBytes),
    megabytes(sample.rssBytes),
    megabytes(codes.bytes),
    updates > 0 ? percent((codes.hot - before.hot) / updates) : '-',
    String(codes.dead),
    String(uses.rows),
    megabytes(uses.bytes),
    String(sample.drifted),
  ]);
}

/** What the day has come to: the first and the last third side by side, and what is not as it should be. */
export function dayText({ samples, violations }: Day): string {
  const { first, last } = thirdsOf(samples);
  const row = (what: string, figure: (sample: Sample) => number, show: (value: number) => string) =>
    `  ${what.padEnd(34)}${show(medianOf(first, figure)).padStart(10)}${show(medianOf(last, figure)).padStart(12)}`;
  const shares = (['codes', 'campaigns'] as const).map(
    (name) => `${name} ${percent(hotShare(samples, name) ?? Number.NaN)}`,
  );
  return [
    '',
    `  ${''.padEnd(34)}${'first third'.padStart(10)}${'last third'.padStart(12)}`,
    row(
      'calls a second, median',
      ({ rate }) => rate,
      (rate) => rate.toFixed(0),
    ),
    row('heap after a garbage collection', ({ heapBytes }) => heapBytes, megabytes),
    row('process', ({ rssBytes }) => rssBytes, megabytes),
    ...(['codes', 'campaigns', 'uses', 'keys', 'holds', 'limits'] as const).map((name) =>
      row(
        `${name} with indexes (${medianOf(last, ({ tables }) => tables[name].rows)} rows)`,
        ({ tables }) => tables[name].bytes,
        megabytes,
      ),
    ),
    `  Updates of counters that were heap-only, after the warm-up: ${shares.join(', ')}`,
    '',
    ...(violations.length === 0
      ? ['Nothing has changed over the day.']
      : violations.map(({ rule, message }) => `VIOLATION ${rule}: ${rules[rule]} (${message})`)),
  ].join('\n');
}

function lineOf(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padStart(WIDTHS[column]!)).join(' ');
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)}%`;
}
