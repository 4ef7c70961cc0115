import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { explainMissing } from '../inspect/explain-missing.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { now, sleepUnless } from '../postgres/timers.js';
import { withConnection } from '../postgres/transaction.js';
import { BY_IDS, driftQueryAsText } from './drift-query.js';
import { type DriftRecord, idOf, toDriftRecord } from './drift-record.js';
import { type Compared, readCompared } from './layout-of.js';
import { type DriftTrace, noteScope, observeDrift } from './observed.js';
import { readOldestCheck } from './oldest-drift-check.js';
import { type ScrubDriftOptions, scrubDriftOptions } from './options.js';
import { type Pace, spreadPace, steadyPace } from './scrub-pace.js';
import { checkNextPiece, isOver, type Position, readPosition } from './scrub-piece.js';

/** What a call of `scrubDrift` has come to. */
export interface ScrubReport {
  /** How many codes this call has compared. */
  checked: number;
  /**
   * The codes and campaigns that differ, and ids that have uses but no code: those that this call has found, as they were then, and
   * those that earlier or other calls have found in the same walk and that differ still.
   */
  drifted: DriftRecord[];
  /** Everything was compared at this moment or later; `null` where not everything has been. */
  oldestCheck: Date | null;
}

/** How long is waited while another scrubber is at a piece. */
const TURN_MS = 100;
/** Ids that an earlier call has found, in one statement. */
const IDS_PER_STATEMENT = 100;

/**
 * Compares the counters of all codes and campaigns with the uses, as `checkDrift` does, at a load that is bounded: piece by piece,
 * with pauses in between. Each piece is one statement with one snapshot, so there are no false alarms under load. How far it has come
 * is remembered in the library's schema, in the transaction of the piece. A call ends when the walk over all codes does; the next one
 * begins another walk. What was ended before, by `signal`, by an error or by a crash, is gone on with by the next call. Of several
 * scrubbers at a time one works, and the others wait for their turn and go on behind it.
 *
 * It repairs nothing: give what it finds to `repairDrift`. A code is compared as a whole, however many uses it has. Between pieces
 * nothing is held: no transaction, no connection of a pool. In a transaction of a client of yours it is undone with that.
 *
 * @example
 * const { drifted } = await scrubDrift(pool, { duration: 24 * 3_600_000, signal });
 * if (drifted.length > 0) await repairDrift(pool, { promoCodeIds: drifted.flatMap(({ promoCodeId }) => promoCodeId ?? []) });
 * @throws NotInstalledError where the tables do not exist, or `installTriggers` of this version has not been called.
 * @throws InsufficientPrivilegeError for a role that is neither the owner of the tables nor who has installed, or from which
 * row-level security hides uses.
 * @throws ValidationError for an unknown option or value.
 */
export function scrubDrift(db: Database, options?: ScrubDriftOptions): Promise<ScrubReport> {
  return observeDrift('scrubDrift', async (trace) => {
    const given = parseArguments(db, scrubDriftOptions, options, 'scrubDrift()');
    const compared = await readCompared(db, given);
    try {
      return await walkOn(db, compared, given, trace);
    } catch (error) {
      throw await explainMissing(db, compared.layout, error);
    }
  });
}

async function walkOn(
  db: Database,
  { layout }: Compared,
  { rowsPerSecond, duration, signal, onProgress }: ScrubDriftOptions,
  trace: DriftTrace | undefined,
): Promise<ScrubReport> {
  if (trace) noteScope(trace, layout, {});
  await forgetOtherIds(db, layout);
  const began = await withConnection(db, (connection) => readPosition(connection, layout));
  let walk = began ? began.walk + (isOver(began) ? 1n : 0n) : 1n;
  const { codes, done } = await countCodes(db, layout, began);
  const pace =
    duration === undefined ? steadyPace(rowsPerSecond) : await paceOver(db, layout, duration, codes - done, codes);
  const found: DriftRecord[] = [];
  let checked = 0;
  let isFinished = false;
  while (!isFinished && !signal?.aborted) {
    const pieceBegan = now();
    const piece = await checkNextPiece(db, layout, walk, pace.pieceRows());
    if (piece === 'over') isFinished = true;
    else if (piece === undefined) await sleepUnless(signal, TURN_MS);
    else {
      // Somebody else may have begun anew meanwhile.
      walk = piece.walk;
      checked += piece.codes;
      found.push(...piece.records);
      trace?.note(() => ({ codes: checked, drifted: found.length, isPartial: true }));
      onProgress?.({ phase: 'scrub', done: done + checked, total: Math.max(codes, done + checked) });
      isFinished = piece.isLast;
      if (!isFinished) await sleepUnless(signal, pace.pauseAfter(piece.rows, pieceBegan));
    }
  }
  const drifted = [...found, ...(await foundByOthers(db, layout, walk, found))];
  const oldestCheck = await readOldestCheck(db, layout);
  trace?.note(() => ({ drifted: drifted.length, isPartial: !isFinished, oldestCheck }));
  return { checked, drifted, oldestCheck };
}

/** What was remembered of ids of another type, which the host had before, says nothing of those that there are. */
async function forgetOtherIds(db: Database, layout: Layout): Promise<void> {
  const { codeId } = layout.types;
  if (!(codeId in FORMS)) return;
  const form = FORMS[codeId as keyof typeof FORMS];
  const statement = `DELETE FROM :"library".promo_code_drift_checks AS d
     WHERE EXISTS (SELECT FROM :"library".promo_code_drift_checks AS o
                    WHERE o.kind = 'code' AND o.last_id !~ $1::text)`;
  await withConnection(db, (connection) => connection.query(renderSqlFile(statement, layout), [form]));
}

/** As the server writes ids of these types. */
const FORMS = { bigint: '^-?[0-9]+$', uuid: '^[0-9a-f-]{36}$' };

/** How many codes there are, and how many of them the walk has behind it. */
async function countCodes(
  db: Database,
  layout: Layout,
  position: Position | undefined,
): Promise<{ codes: number; done: number }> {
  const isAtCodes = position?.kind === 'code' && position.last !== null;
  const isBehind = isAtCodes ? 'c.:"code_id" <= $1::text:::code_id_type' : '$1::text IS NOT NULL';
  const { rows } = await withConnection(db, (connection) =>
    connection.query(
      renderSqlFile(
        `SELECT count(*)::text AS codes, (count(*) FILTER (WHERE ${isBehind}))::text AS done FROM :"codes" AS c`,
        layout,
      ),
      [position && !isOver(position) ? (position.last ?? 'all') : null],
    ),
  );
  return { codes: Number(rows[0]?.codes), done: Number(rows[0]?.done) };
}

/** As many rows as the planner expects: it knows them of partitions and of tables that were never analysed as well. */
async function paceOver(
  db: Database,
  layout: Layout,
  duration: number,
  codesLeft: number,
  codes: number,
): Promise<Pace> {
  const { rows } = await withConnection(db, (connection) =>
    connection.query(renderSqlFile('EXPLAIN (FORMAT JSON) SELECT FROM :"uses"', layout)),
  );
  const plan: unknown = Object.values(rows[0] ?? {})[0];
  const [{ Plan: top }] = typeof plan === 'string' ? JSON.parse(plan) : plan;
  const uses = Number(top['Plan Rows']);
  return spreadPace(duration, codesLeft + (codes === 0 ? uses : (uses * codesLeft) / codes));
}

/** What other calls have found in the walk and differs still; this one knows its own. */
async function foundByOthers(
  db: Database,
  layout: Layout,
  walk: bigint,
  own: readonly DriftRecord[],
): Promise<DriftRecord[]> {
  const query = async (text: string, values: unknown[]) =>
    (await withConnection(db, (connection) => connection.query(text, values))).rows;
  const nameOf = (kind: string, id: string) => `${kind} ${id}`;
  const known = new Set(own.map((record) => nameOf(record.kind, idOf(record))));
  const remembered = await query(
    renderSqlFile(
      `SELECT d.kind, f.id FROM :"library".promo_code_drift_checks AS d CROSS JOIN LATERAL pg_catalog.unnest(d.drifted) AS f(id)
        WHERE d.walk = $1::bigint ORDER BY d.place`,
      layout,
    ),
    [String(walk)],
  );
  const records: DriftRecord[] = [];
  for (const kind of ['code', 'campaign'] as const) {
    const ids = remembered.filter((row) => row.kind === kind && !known.has(nameOf(kind, row.id))).map(({ id }) => id);
    for (let from = 0; from < ids.length; from += IDS_PER_STATEMENT) {
      const rows = await query(driftQueryAsText(layout, BY_IDS[kind]), [ids.slice(from, from + IDS_PER_STATEMENT)]);
      records.push(...rows.map(toDriftRecord));
    }
  }
  return records;
}
