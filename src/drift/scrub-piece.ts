import campaignsSql from '../../sql/counting/scrub-campaigns.sql';
import codesSql from '../../sql/counting/scrub-codes.sql';
import positionSql from '../../sql/counting/scrub-position.sql';
import usesSql from '../../sql/counting/scrub-uses.sql';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import type { Database, Queryable } from '../postgres/database.js';
import { inTransaction } from '../postgres/transaction.js';
import { countedDriftQueryAsText, type DriftScope } from './drift-query.js';
import { type DriftRecord, idOf, toDriftRecord } from './drift-record.js';

type Kind = DriftRecord['kind'];

/** How far a walk has come: the last row of what it remembers. */
export interface Position {
  walk: bigint;
  place: number;
  kind: Kind;
  /** The last id that was compared; `null`: all of this kind. */
  last: string | null;
  /** Whether the next piece may be added to this row. */
  open: boolean;
}

/** What was compared by one statement. */
export interface Piece {
  walk: bigint;
  records: DriftRecord[];
  codes: number;
  /** How many rows were read, about. */
  rows: number;
  /** Whether the walk is over with it. */
  isLast: boolean;
}

export const isOver = ({ kind, last }: Pick<Position, 'kind' | 'last'>): boolean =>
  kind === 'campaign' && last === null;

export async function readPosition(connection: Queryable, layout: Layout): Promise<Position | undefined> {
  const { rows } = await connection.query(renderSqlFile(positionSql, layout));
  const [row] = rows;
  return row && { ...row, walk: BigInt(row.walk), place: Number(row.place), open: row.open === true };
}

/**
 * Compares what comes next, in one transaction with what it remembers of it: a scrubber that is killed has done all of a piece or
 * nothing, and others wait meanwhile.
 * @param walk which walk it is a part of
 * @returns nothing while another scrubber is at a piece; `'over'` when the walk is
 */
export function checkNextPiece(
  db: Database,
  layout: Layout,
  walk: bigint,
  rows: number,
): Promise<Piece | 'over' | undefined> {
  return inTransaction(db, async (transaction) => {
    if (!(await takesTurn(transaction, layout))) return undefined;
    const position = await readPosition(transaction, layout);
    const next = behind(position);
    if (next.walk > walk) return 'over';
    // What row-level security hides from this role would be taken for drift: so it is an error.
    const security = await setRowSecurity(transaction, 'off');
    const range = next.kind === 'code' ? codesBehind : campaignsBehind;
    const { last, read } = await range(transaction, layout, next.after, rows);
    const { rows: found } = await transaction.query(
      countedDriftQueryAsText(layout, scopeOf(layout, next.kind, next.after, last)),
      [next.after, last],
    );
    await setRowSecurity(transaction, security);
    const records = found.filter(({ kind }) => kind !== null).map(toDriftRecord);
    await remember(transaction, layout, position, next, last, records.map(idOf));
    const codes = next.kind === 'code' ? Number(found[0]?.codes) : 0;
    return { walk: next.walk, records, codes, rows: read + codes, isLast: isOver({ kind: next.kind, last }) };
  });
}

/** One scrubber at a time. The lock is one of the transaction, so that it works behind a transaction pooler. */
async function takesTurn(transaction: Queryable, { librarySchema }: Layout): Promise<boolean> {
  const { rows } = await transaction.query(
    'SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended($1::pg_catalog.text, 0::bigint))::text AS taken',
    [`pg-promo-codes:scrub:${librarySchema}`],
  );
  return rows[0]?.taken === 'true';
}

async function setRowSecurity(transaction: Queryable, value: string): Promise<string> {
  const { rows } = await transaction.query(
    `SELECT b.earlier, pg_catalog.set_config('row_security', $1::text, true) AS changed
       FROM (SELECT pg_catalog.current_setting('row_security') AS earlier OFFSET 0) AS b`,
    [value],
  );
  return String(rows[0]?.earlier);
}

/** What a piece is about. */
interface Next {
  walk: bigint;
  kind: Kind;
  /** The last id before it. */
  after: string | null;
}

function behind(position: Position | undefined): Next {
  if (!position) return { walk: 1n, kind: 'code', after: null };
  const { walk, kind, last } = position;
  if (isOver(position)) return { walk: walk + 1n, kind: 'code', after: null };
  return kind === 'code' && last === null ? { walk, kind: 'campaign', after: null } : { walk, kind, after: last };
}

/** Up to where a piece goes (`null`: to the end), and how many rows it reads of uses. */
interface Range {
  last: string | null;
  read: number;
}

async function codesBehind(transaction: Queryable, layout: Layout, after: string | null, rows: number): Promise<Range> {
  const { rows: codes } = await transaction.query(renderSqlFile(codesSql, layout), [after, rows]);
  const bound: string | null = Number(codes[0]?.codes) < rows ? null : codes[0]?.last;
  const { rows: uses } = await transaction.query(renderSqlFile(withRules(usesSql), layout), [after, bound, rows]);
  const { uses: counted, last, previous, counter } = uses[0]!;
  if (Number(counted) < rows) return { last: bound, read: Number(counted) };
  // A code is compared as a whole. One that has more uses than a piece may read is a piece of its own.
  return previous === null
    ? { last, read: Math.max(Number(counted), Number(counter ?? 0)) }
    : { last: previous, read: Number(counted) };
}

async function campaignsBehind(
  transaction: Queryable,
  layout: Layout,
  after: string | null,
  rows: number,
): Promise<Range> {
  const { rows: found } = await transaction.query(renderSqlFile(campaignsSql, layout), [after, rows]);
  const [row] = found;
  return { last: row?.more === 'true' ? row.last : null, read: Number(row?.uses ?? 0) };
}

/** The parameters are the id before the range and its last one. */
function scopeOf(layout: Layout, kind: Kind, after: string | null, last: string | null): DriftScope {
  const type = kind === 'code' ? layout.types.codeId : 'bigint';
  const within = (id: string) =>
    [
      after === null ? '$1::text IS NULL' : `${id} > $1::text::${type}`,
      last === null ? '$2::text IS NULL' : `${id} <= $2::text::${type}`,
    ].join(' AND ');
  return kind === 'code'
    ? { codes: { uses: within('u.:"promo_code_id"'), codes: within('c.:"code_id"') } }
    : { campaigns: { members: within('m.campaign_id'), campaigns: within('g.id') } };
}

/** Rows of the walk before that this one has passed are not needed any more. */
async function remember(
  transaction: Queryable,
  layout: Layout,
  position: Position | undefined,
  { walk, kind }: Next,
  last: string | null,
  drifted: string[],
): Promise<void> {
  const query = (text: string, values: unknown[]) => transaction.query(renderSqlFile(text, layout), values);
  const isSameWalk = position?.walk === walk;
  if (position && isSameWalk && position.kind === kind && position.open) {
    await query(
      `UPDATE :"library".promo_code_drift_checks SET last_id = $3::text, drifted = drifted || $4::text[]
        WHERE walk = $1::bigint AND place = $2::integer`,
      [String(walk), position.place, last, drifted],
    );
  } else {
    await query(
      `INSERT INTO :"library".promo_code_drift_checks (walk, place, kind, last_id, checked_at, drifted)
       VALUES ($1::bigint, $2::integer, $3::text, $4::text, transaction_timestamp(), $5::text[])`,
      [String(walk), position && isSameWalk ? position.place + 1 : 1, kind, last, drifted],
    );
  }
  // Under the collation of the column, as the ids are walked.
  const isPassed =
    kind === 'code'
      ? 'coalesce(d.last_id:::code_id_type, (CAST(NULL AS :"codes")).:"code_id") <= $3::text:::code_id_type'
      : 'd.last_id::bigint <= $3::text::bigint';
  await query(
    `DELETE FROM :"library".promo_code_drift_checks AS d
      WHERE d.walk < $1::bigint
        AND CASE WHEN d.kind = $2::text THEN $3::text IS NULL OR ${isPassed} ELSE $2::text = 'campaign' END`,
    [String(walk), kind, last],
  );
}
