import { withWrongCampaign, wrongCampaign } from '../campaigns/campaign-codes.js';
import { ValidationError, type ValidationIssue } from '../errors.js';
import { readable } from '../options.js';
import { withoutPasswords } from '../passwords.js';
import { afterCallbacks } from '../postgres/timers.js';
import { describeReceived } from '../received.js';
import { toCodeName } from '../redemption/code-name.js';
import type { Host } from '../redemption/host.js';
import { checkCode } from './code-rules.js';
import { type ChosenCampaign, campaignOf, endsInPast, insertRows, type NewCode, PAST_END, toRow } from './codes.js';
import type { Call } from './context.js';
import { columnsOfCode } from './host-columns.js';
import { type ImportRow, RowReader } from './import-rows.js';
import type { ImportInput } from './input-types.js';
import type { InputSchemas } from './inputs.js';

/** Rows, one after the other: an array, a generator, a stream of a parser of CSV. */
export type ImportRows = Iterable<ImportRow> | AsyncIterable<ImportRow>;

/** What is wrong with a row. */
export interface ImportFault extends ValidationIssue {
  /** Which row, counted from 0 as the rows were handed in; a header is row 0. Also in `path`: `rows[17].bonusValue`. */
  row: number;
}

/** What `import` did. */
export interface ImportReport {
  /** How many codes were created. */
  created: number;
  /** How many rows were left out because their shop has the code already, or an earlier row has it. */
  skipped: number;
  /** Everything that is wrong, row by row: the first 10,000 faults. */
  faults: ImportFault[];
  /** How many further faults there are. */
  omittedFaults: number;
}

/** Rows that are checked, and then written, together. */
const BATCH = 1_000;
/** What is kept in memory until the last row was checked. */
const MOST_ROWS = 1_000_000;
const MOST_FAULTS = 10_000;

const CALLEE = 'import()';
const ROWS_RULE = 'must be an array of rows, or another iterable of them, such as what a parser of CSV gives';

/** Anything that can be gone through. A text is not: its rows have to be parsed. */
export function requireRowSource(rows: unknown): asserts rows is ImportRows {
  const isSource = readable(
    'rows',
    () => typeof rows === 'object' && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows),
  );
  if (isSource) return;
  const received = describeReceived(rows);
  throw new ValidationError([{ path: 'rows', message: ROWS_RULE, ...(received !== undefined && { received }) }]);
}

/**
 * @param given the options as they were handed in: defaults are checked with each row
 */
export async function importCodes(
  call: Call,
  rows: ImportRows,
  schemas: InputSchemas,
  given: Pick<ImportInput, 'defaults'> & { faultyRows: 'refuse' | 'skip' },
): Promise<ImportReport> {
  const report: ImportReport = { created: 0, skipped: 0, faults: [], omittedFaults: 0 };
  const mayWrite = () => given.faultyRows === 'skip' || report.faults.length === 0;
  const kept: Batch[] = [];
  const write = async (batch: Batch) => {
    const created = await insertBatch(call.renewed(), batch);
    report.created += created;
    report.skipped += batch.size - created;
  };
  for await (const batch of checkedBatches(call, rows, schemas, given, report)) {
    if (given.faultyRows === 'skip') await write(batch);
    else if (mayWrite()) kept.push(batch);
    else kept.length = 0;
  }
  if (mayWrite()) for (const batch of kept) await write(batch);
  // What the server was asked about was found later.
  report.faults.sort((one, other) => one.row - other.row);
  return report;
}

/** Rows that are written by one statement: they have the same columns. */
interface Group {
  /** The shop of all of them; `null`: each is of the one that stands in it. */
  shopId: string | null;
  campaign: ChosenCampaign | undefined;
  hasColumns: boolean;
  /** Some of its codes may be those of rows in other groups that come first. */
  isLate: boolean;
  rows: string[];
}

/** The rows that are right, as they are written. */
interface Batch {
  groups: Group[];
  size: number;
}

/** Reads and checks the rows; what is wrong goes into the report. */
async function* checkedBatches(
  call: Call,
  rows: ImportRows,
  schemas: InputSchemas,
  { defaults = {}, faultyRows }: Parameters<typeof importCodes>[3],
  report: ImportReport,
): AsyncGenerator<Batch> {
  const reader = new RowReader(schemas.create.entries, defaults);
  const note = (row: number, issues: readonly ValidationIssue[]) => {
    for (const issue of issues) {
      if (report.faults.length === MOST_FAULTS) report.omittedFaults += 1;
      else
        report.faults.push({
          row,
          ...issue,
          path: withoutPasswords(`rows[${row}]${issue.path === '' ? '' : `.${issue.path}`}`),
        });
    }
  };
  const finish = async (codes: readonly Checked[]): Promise<Batch> => {
    const read = codes.map(({ code }) => code);
    const past = await endsInPast(call.renewed(), read);
    for (const place of past) {
      const { row, code } = codes[place]!;
      note(row, [{ ...PAST_END, received: describeReceived(code.endDate) ?? '' }]);
    }
    const lost = await withWrongCampaign(call.renewed(), read);
    for (const place of lost) {
      const { row, code } = codes[place]!;
      note(row, [wrongCampaign(code.campaignId ?? '', code.shopId)]);
    }
    const faulty = new Set([...past, ...lost]);
    return batchOf(
      call,
      codes.filter((_, place) => !faulty.has(place)),
    );
  };
  let row = -1;
  let checked: Checked[] = [];
  for await (const given of rows) {
    row += 1;
    if (faultyRows === 'refuse' && row > MOST_ROWS) throw tooMany();
    const read = reader.read(given);
    // Other work of the process goes on meanwhile.
    if (row % BATCH === 0) await new Promise<void>(afterCallbacks);
    if (read === undefined) continue;
    const { issues, code } = 'input' in read ? checkInput(schemas, read.input) : { ...read, code: undefined };
    if (code) checked.push({ row, code });
    else note(row, issues);
    // Under a wrong header every row would be, or would be taken for something else.
    if (reader.hasWrongHeader) return;
    if (checked.length < BATCH) continue;
    yield await finish(checked);
    checked = [];
  }
  yield await finish(checked);
}

interface Checked {
  row: number;
  code: NewCode;
}

function checkInput(schemas: InputSchemas, input: object): { issues: ValidationIssue[]; code: NewCode | undefined } {
  const { issues, code } = checkCode(schemas.create, input, CALLEE, schemas.missingOfCode);
  return { issues, code: issues.length > 0 ? undefined : code };
}

function batchOf({ host }: Call, codes: readonly Checked[]): Batch {
  const groups = new Map<string, Group>();
  const names = new Set<string>();
  const shopOf = ownShopOf(host);
  for (const { code } of codes) {
    const columns = columnsOfCode(host, toRow(host, code));
    const name = JSON.stringify([code.shopId, toCodeName(code.code).toUpperCase()]);
    const isLate = names.has(name);
    names.add(name);
    const shopId = shopOf(code);
    const campaign = campaignOf(code);
    const key = JSON.stringify([isLate, shopId, campaign, Object.keys(columns).sort()]);
    const group = groups.get(key) ?? { shopId, campaign, hasColumns: false, isLate, rows: [] };
    groups.set(key, group);
    group.hasColumns ||= code.columns !== undefined;
    group.rows.push(JSON.stringify(columns));
  }
  const inOrder = [...groups.values()].sort((one, other) => Number(one.isLate) - Number(other.isLate));
  return { groups: inOrder, size: codes.length };
}

/** One statement takes the codes of many shops, but for a column of a domain: that may refuse to have no shop beside them. */
function ownShopOf(host: Host): (code: NewCode) => string | null {
  if (!host.has('codes', 'shopId')) return () => '';
  const isDomain = host.typeOf('codes', 'shopId') !== host.baseTypeOf('codes', 'shopId');
  return isDomain ? ({ shopId }) => shopId : () => null;
}

/** @returns how many were created */
async function insertBatch(call: Call, { groups }: Batch): Promise<number> {
  let created = 0;
  for (const { rows, ...group } of groups) {
    created += await insertRows(call, { ...group, rows: `[${rows.join(',')}]` }, (_, ids) => ids.length);
  }
  return created;
}

function tooMany(): ValidationError {
  const message =
    `must be at most ${MOST_ROWS}, since all are kept until the last one was checked: import them in parts, or with ` +
    `faultyRows: 'skip', which keeps none of them`;
  return new ValidationError([{ path: 'rows', message }]);
}
