import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { drawChart } from './chart.js';
import type { Comparison, Goal, Measured } from './comparison.js';
import type { Configuration } from './configuration.js';
import { figure, limitOf, measuredValue, range, ratio } from './format.js';

/** Everything that one set of workloads has found out. */
export interface Report {
  /** The name of the set and of the files. */
  set: string;
  title: string;
  configuration: Configuration;
  /** What has to be known to read the figures. */
  notes: readonly string[];
  comparisons: readonly Comparison[];
}

/** Writes `<set>.json` with every single round, `<set>.svg` with a chart and `<set>.md` with the tables. */
export function writeReport(folder: string, report: Report): void {
  mkdirSync(folder, { recursive: true });
  const file = (extension: string) => path.join(folder, `${report.set}.${extension}`);
  writeFileSync(file('json'), `${JSON.stringify(report, rounded, 2)}\n`);
  writeFileSync(file('svg'), drawChart(report));
  writeFileSync(file('md'), markdownOf(report));
}

export function terminalText({ title, configuration, notes, comparisons }: Report): string {
  const lines = [title, ''];
  lines.push(...aligned(Object.entries(configuration)), '');
  lines.push(...aligned([FIGURE_HEADER, ...comparisons.flatMap(figureRows)]), '');
  lines.push(...aligned([GOAL_HEADER, ...comparisons.flatMap(goalRows)]), '');
  lines.push(...notes.map((note) => `- ${note}`));
  return lines.join('\n');
}

function markdownOf({ set, title, configuration, notes, comparisons }: Report): string {
  return [
    `# ${title}`,
    '',
    `![${title}](${set}.svg)`,
    '',
    ...markdownTable([GOAL_HEADER, ...comparisons.flatMap(goalRows)]),
    '',
    ...markdownTable([FIGURE_HEADER, ...comparisons.flatMap(figureRows)]),
    '',
    ...notes.map((note) => `- ${note}`),
    '',
    ...markdownTable([['configuration', ''], ...Object.entries(configuration)]),
    '',
  ].join('\n');
}

const GOAL_HEADER = ['benchmark', 'what was asked for', 'goal', 'measured', 'reached'];

function goalRows({ name, goals }: Comparison): string[][] {
  return goals.map((goal: Goal) => [name, goal.of, limitOf(goal), measuredValue(goal), goal.reached ? 'yes' : 'NO']);
}

const FIGURE_HEADER = ['benchmark', 'design', 'median', 'min – max', 'rounds', 'ratio', 'middle half'];

function figureRows({ name, panel, measured }: Comparison): string[][] {
  return measured.map((design: Measured) => [
    name,
    design.label,
    figure(design.median, panel.unit),
    range(design.min, design.max, (value) => figure(value, panel.unit)),
    `${design.rounds.length}`,
    design.ratio ? ratio(design.ratio.median) : '1',
    design.ratio ? range(design.ratio.lower, design.ratio.upper, ratio) : '',
  ]);
}

function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd());
}

function markdownTable([header, ...rows]: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header!), line(header!.map(() => '---')), ...rows.map(line)];
}

/** Digits that no measurement has would only make two runs harder to compare. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}
