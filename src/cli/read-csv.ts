import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, type Info, parse } from 'csv-parse';
import { CommandError, EXIT } from './command-error.js';

/** What spreadsheets write between cells. */
const DELIMITERS = [',', ';', '\t'] as const;
/** A header that is longer is none. */
const LONGEST_HEADER = 64 * 1024;

/** The rows of a file, and in which line each begins. */
export interface CsvRows extends AsyncIterable<string[]> {
  lineOf(row: number): number;
}

/**
 * Reads a file of CSV row by row, `-` from the standard input; what stands between cells is found out from its first line.
 * @throws CommandError while it is read: a file that cannot be opened, or is no CSV
 */
export function readCsv(file: string, stdin: Readable): CsvRows {
  const lines: number[] = [];
  return {
    lineOf: (row) => lines[row] ?? 0,
    async *[Symbol.asyncIterator]() {
      const source = file === '-' ? stdin : createReadStream(file);
      try {
        const chunks = source[Symbol.asyncIterator]();
        const { beginning, isWhole } = await readBeginning(chunks);
        const parser = parse({
          ...{ bom: true, info: true, relax_column_count: true, skip_empty_lines: true },
          delimiter: delimiterOf(beginning),
        });
        const rest = async function* () {
          yield beginning;
          if (!isWhole) yield* { [Symbol.asyncIterator]: () => chunks };
        };
        // What fails is thrown where rows are read.
        const reading = pipeline(rest, parser).catch(() => undefined);
        for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
          lines.push(info.lines - linesIn(record));
          requireText(file, record, lines.at(-1)!);
          yield record;
        }
        await reading;
      } catch (error) {
        throw refusalOf(file, error);
      } finally {
        source.destroy();
      }
    },
  };
}

/** What is no UTF-8 would become codes and names with a replacement character in them. */
function requireText(file: string, record: readonly string[], line: number): void {
  if (!record.some((cell) => cell.includes('\ufffd'))) return;
  throw new CommandError(
    EXIT.notInOrder,
    `${file} is no UTF-8: line ${line} holds bytes that are no character. Save it as "CSV UTF-8".`,
  );
}

/** How many lines a row has after its first: cells may hold some. */
function linesIn(record: readonly string[]): number {
  return record.join('').split(/\r\n|\n|\r/).length - 1;
}

/** As much as holds the first line. */
async function readBeginning(chunks: AsyncIterator<Buffer | string>): Promise<{ beginning: Buffer; isWhole: boolean }> {
  let beginning = Buffer.alloc(0);
  while (!beginning.includes('\n') && beginning.length < LONGEST_HEADER) {
    const { value, done } = await chunks.next();
    if (done) return { beginning, isWhole: true };
    beginning = Buffer.concat([beginning, Buffer.from(value)]);
  }
  return { beginning, isWhole: false };
}

/** The one that stands most often in the header, whose cells are names. */
function delimiterOf(beginning: Buffer): string {
  const [header = ''] = beginning.toString('utf8').split('\n', 1);
  const countOf = (delimiter: string) => header.split(delimiter).length;
  return DELIMITERS.reduce((best, other) => (countOf(other) > countOf(best) ? other : best));
}

function refusalOf(file: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof CsvError) return new CommandError(EXIT.notInOrder, `${file} is no CSV: ${message}.`, error);
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR' || code === 'EPERM') {
    return new CommandError(EXIT.usage, `${file} cannot be read: ${message}.`, error);
  }
  return error;
}
