const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
const INDENT = '   ';
const LINE_WIDTH = 104;

export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function printHeading(text: string): void {
  print(`\n${style(text, 1)}`);
}

/** An indented line of prose. */
export function printLine(text = ''): void {
  print(`${INDENT}${text}`.trimEnd());
}

export function printSuccess(text: string): void {
  print(`\n${style('OK', 32)}  ${text}`);
}

export function printFailure(text: string): void {
  print(`\n${style('FAILED', 31)}  ${text}`);
}

/** Labels on the left, what there is to say on the right; long lists go on below. */
export function printFacts(facts: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...facts.map(([label]) => label.length));
  for (const [label, value] of facts) {
    const [first = '', ...more] = wrap(value, LINE_WIDTH - width);
    printLine(`${label.padEnd(width)}  ${first}`);
    for (const line of more) printLine(`${' '.repeat(width)}  ${line}`);
  }
}

/** Texts stand on the left, figures on the right. */
export interface Column {
  readonly title: string;
  readonly kind: 'text' | 'figure';
}

export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)));
  const titles = columns.map(({ title }) => title);
  for (const cells of [titles, widths.map((width) => '-'.repeat(width)), ...rows]) {
    const aligned = cells.map((cell, at) =>
      columns[at]!.kind === 'text' ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!),
    );
    printLine(aligned.join('  ').trimEnd());
  }
}

export function formatNumber(value: number): string {
  return value.toLocaleString('en-US');
}

export function milliseconds(duration: number): string {
  return `${formatNumber(Math.ceil(duration))} ms`;
}

export function plural(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

function style(text: string, code: number): string {
  return coloured ? `\u001b[${code}m${text}\u001b[0m` : text;
}
