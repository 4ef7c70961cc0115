import Table from 'cli-table3';

/** Longer texts are cut, so that a line stays a line. */
const LONGEST_CELL = 48;

const PLAIN = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' },
  middle: '  ',
};

/** A column: its title, and whether its texts stand at the right, as numbers do. */
export interface Column {
  title: string;
  isNumber?: boolean;
}

/** Rows under titles, aligned by spaces only, so that other programs can read them as well. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  longest = LONGEST_CELL,
): string {
  const shown = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ isNumber }) => (isNumber ? 'right' : 'left')),
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  shown.push(...rows.map((row) => row.map((cell) => visible(cell, longest))));
  return shown
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Names and values beside each other. */
export function list(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join('\n');
}

/** A text of the database on one line: it must not move the cursor or set colours. */
export function visible(text: string, longest = LONGEST_CELL): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '·');
  const characters = [...line];
  return characters.length > longest ? `${characters.slice(0, longest - 1).join('')}…` : line;
}

/** `3 codes`, `1 code`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
