import * as v from 'valibot';
import type { ValidationIssue } from '../errors.js';
import { describeReceived } from '../received.js';

/** A row as it is handed in: an object by the names of fields, or the cells of one in the order of the header. */
export type ImportRow = Readonly<Record<string, unknown>> | readonly unknown[];

type Entries = Readonly<Record<string, v.GenericSchema>>;
type Fields = Record<string, unknown>;

/** What a row comes to: the input for a code, or what is wrong with the row as a whole. */
export type ReadRow = { input: Fields } | { issues: ValidationIssue[] };

/** In a header, the columns of the host: `columns.tenant_id`. */
const OF_HOST = /^columns\.(.+)$/s;

/**
 * Reads the rows of a spreadsheet: names without what surrounds them, an empty cell as one that was left out, and a text as
 * what its field takes. The first row says whether rows are objects, or arrays under a header.
 */
export class RowReader {
  readonly #readers: Map<string, (text: string) => unknown>;
  readonly #defaults: Fields;
  #header: string[] | undefined;
  #isFirst = true;
  /** The rows cannot be told by their header. */
  hasWrongHeader = false;

  /**
   * @param entries the fields of a code
   * @param defaults what a row has where it says nothing
   */
  constructor(entries: Entries, defaults: Fields) {
    this.#readers = new Map(Object.entries(entries).map(([name, field]) => [name, readerOf(field)]));
    this.#defaults = defaults;
  }

  /** @returns nothing for the header, and for a row of empty cells, as spreadsheets have at their end */
  read(row: unknown): ReadRow | undefined {
    try {
      return this.#read(row);
    } catch {
      return {
        issues: [{ path: '', message: 'must be a row whose fields can be read: reading one of them threw an error' }],
      };
    }
  }

  #read(row: unknown): ReadRow | undefined {
    if (isEmpty(row)) return undefined;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    if (!Array.isArray(row)) {
      if (this.#header === undefined && typeof row === 'object' && row !== null)
        return this.#input(Object.entries(row));
      return faulty(row, this.#header ? 'must be an array of cells, as the header is' : 'must be an object of fields');
    }
    if (isFirst) return this.#readHeader(row);
    if (!this.#header) return faulty(row, 'must be an object of fields, as the first row is');
    const { length } = this.#header;
    if (row.length !== length) return faulty(row, `must have ${length} cells, as the header has`);
    return this.#input(this.#header.map((name, cell) => [name, row[cell]]));
  }

  #readHeader(cells: readonly unknown[]): ReadRow | undefined {
    const header = cells.map((cell) => (typeof cell === 'string' ? nameOf(cell) : ''));
    const issues = header.flatMap((name, cell): ValidationIssue[] => {
      // Spreadsheets end in empty columns.
      if (name === '') return [];
      if (header.indexOf(name) < cell) return [issueOf(`${cell}`, 'must not be in the header twice', cells[cell])];
      const isKnown = this.#readers.has(name) || OF_HOST.test(name);
      return isKnown ? [] : [issueOf(`${cell}`, `must be the name of a field: ${this.#names()}`, cells[cell])];
    });
    this.#header = header;
    this.hasWrongHeader = issues.length > 0;
    return this.hasWrongHeader ? { issues } : undefined;
  }

  #names(): string {
    return `${[...this.#readers.keys()].filter((name) => name !== 'columns').join(', ')}, or columns.<name> for a column of the table`;
  }

  #input(cells: readonly (readonly [name: string, value: unknown])[]): ReadRow {
    // Without a prototype, so that every name is one of a field.
    const input: Fields = Object.assign(Object.create(null), this.#defaults);
    const columns: Fields = Object.assign(Object.create(null), input.columns);
    for (const [given, cell] of cells) {
      const name = nameOf(given);
      const value = typeof cell === 'string' ? this.#readText(name, cell) : cell;
      if (value === undefined) continue;
      if (name === '') return faulty(cell, 'must have no cell in a column without a name');
      const [, column] = OF_HOST.exec(name) ?? [];
      if (column !== undefined) columns[column] = value;
      else if (name === 'columns' && typeof value === 'object' && value !== null) Object.assign(columns, value);
      else input[name] = value;
    }
    if (Object.keys(columns).length > 0 && !isText(input.columns)) input.columns = columns;
    return { input };
  }

  #readText(name: string, text: string): unknown {
    if (text.trim() === '') return undefined;
    const reader = this.#readers.get(name);
    return reader ? reader(text) : text;
  }
}

function isEmpty(row: unknown): boolean {
  if (typeof row !== 'object' || row === null) return false;
  const cells: unknown[] = Object.values(row);
  return (
    cells.length > 0 && cells.every((cell) => cell === undefined || (typeof cell === 'string' && cell.trim() === ''))
  );
}

/** What cannot be read as columns stays, and is refused. */
function isText(columns: unknown): boolean {
  return columns !== undefined && typeof columns !== 'object';
}

function faulty(row: unknown, message: string): ReadRow {
  return { issues: [issueOf('', message, row)] };
}

function issueOf(path: string, message: string, value: unknown): ValidationIssue {
  const received = describeReceived(value);
  return { path, message, ...(received !== undefined && { received }) };
}

/** Files begin with a byte order mark, and people with a space. */
function nameOf(name: string): string {
  return name.replace(/^\ufeff/, '').trim();
}

const TRUE = /^(?:true|yes|1)$/i;
const FALSE = /^(?:false|no|0)$/i;
const NONE = /^(?:null|none)$/i;

/**
 * How a text is read for a field, by what the field takes and takes no text for: a field that is added later is read as
 * well. What cannot be read is left as it is, and refused as such.
 */
function readerOf(field: v.GenericSchema): (text: string) => unknown {
  const takes = (value: unknown) => v.safeParse(field, value).success;
  const takesNone = takes(null) && !takes('none');
  const takesNumbers = takes(1) && !takes('1');
  const takesFlags = takes(true) && !takes('true');
  const takesObjects = takes({});
  const takesLowerCase = ['fixed', 'refuse'].some((word) => takes(word) && !takes(word.toUpperCase()));
  return (text) => {
    const word = text.trim();
    if (takesNone && NONE.test(word)) return null;
    if (takesNumbers && /^[+-]?\d{1,15}$/.test(word)) return Number(word);
    if (takesFlags) return TRUE.test(word) ? true : FALSE.test(word) ? false : text;
    if (takesObjects) return jsonOf(word, text);
    return takesLowerCase ? word.toLowerCase() : text;
  };
}

function jsonOf(text: string, otherwise: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}
