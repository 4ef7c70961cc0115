import { driftChannel } from '../diagnostics/channels.js';
import { renderSqlFile } from '../host/render.js';
import { explainMissing } from '../inspect/explain-missing.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { withConnection } from '../postgres/transaction.js';
import { scopeOf } from './check-drift.js';
import { driftQueryAsText } from './drift-query.js';
import { type DriftRecord, toDriftRecord } from './drift-record.js';
import { readLayout } from './layout-of.js';
import { type DriftTrace, noteScope, observeLoop } from './observed.js';
import { type StreamDriftOptions, streamDriftOptions } from './options.js';

/**
 * The same comparison as `checkDrift`, range of ids by range of ids: for tables too big for one statement. Each range is one
 * statement with one snapshot, so each record is exact; memory is bounded by `batchSize`. An index on
 * `promo_code_uses (promo_code_id)` makes a range cheap; without one, every range reads the whole table.
 *
 * Between ranges nothing is held: no transaction, no cursor, no connection of a pool. Leaving the loop early is fine.
 *
 * @throws NotInstalledError where the tables or columns do not exist.
 * @throws ValidationError for an unknown option or value.
 */
export function streamDrift(db: Database, options?: StreamDriftOptions): AsyncGenerator<DriftRecord, void, void> {
  return driftChannel.isHeard
    ? observeLoop('streamDrift', (trace) => compare(db, options, trace))
    : compare(db, options, undefined);
}

async function* compare(
  db: Database,
  options: StreamDriftOptions | undefined,
  trace: DriftTrace | undefined,
): AsyncGenerator<DriftRecord, void, void> {
  const { batchSize, onProgress, ...filter } = parseArguments(db, streamDriftOptions, options, 'streamDrift()');
  const layout = await readLayout(db, filter);
  if (trace) noteScope(trace, layout, filter);
  const { scope, values } = scopeOf(layout, filter);
  const query = async (text: string, parameters: unknown[]) => {
    try {
      return (await withConnection(db, (connection) => connection.query(text, parameters))).rows;
    } catch (error) {
      throw await explainMissing(db, layout, error);
    }
  };

  const [counted] = await query(
    renderSqlFile(`SELECT count(*)::text AS total FROM :"codes" AS c WHERE ${scope.codes}`, layout),
    values,
  );
  const total = Number(counted?.total);
  let done = 0;
  /** The last id that was dealt with; ids below the first code and above the last one may have uses as well. */
  let after: string | null = null;
  for (;;) {
    const [range]: Record<string, unknown>[] = await query(
      renderSqlFile(
        `SELECT (pg_catalog.array_agg(id ORDER BY id DESC))[1]::text AS last, count(*)::text AS codes
           FROM (SELECT c.:"code_id" AS id FROM :"codes" AS c
                  WHERE ${scope.codes}
                    AND ($${values.length + 1}::text IS NULL OR c.:"code_id" > $${values.length + 1}::text:::code_id_type)
                  ORDER BY c.:"code_id" LIMIT ${batchSize}) AS batch`,
        layout,
      ),
      [...values, after],
    );
    const inBatch = Number(range?.codes);
    const isLast = inBatch < batchSize;
    yield* driftBetween(after, isLast ? null : String(range?.last));
    done += inBatch;
    trace?.note(() => ({ codes: done }));
    onProgress?.({ phase: 'check', done, total: Math.max(total, done) });
    if (isLast) return;
    after = String(range?.last);
  }

  /** The records of ids above `low` up to `high`, a page at a time: there may be any number of ids without a code. */
  async function* driftBetween(low: string | null, high: string | null): AsyncGenerator<DriftRecord, void, void> {
    let from = low;
    for (;;) {
      const [lower, upper] = [`$${values.length + 1}:::code_id_type`, `$${values.length + 2}:::code_id_type`];
      const within = (id: string) =>
        `${from === null ? `${lower} IS NULL` : `${id} > ${lower}`} AND ${high === null ? `${upper} IS NULL` : `${id} <= ${upper}`}`;
      const rows = await query(
        driftQueryAsText(layout, {
          uses: `${scope.uses} AND ${within('u.:"promo_code_id"')}`,
          codes: `${scope.codes} AND ${within('c.:"code_id"')}`,
          orderAndLimit: `ORDER BY 1 LIMIT ${batchSize}`,
        }),
        [...values, from, high],
      );
      const records = rows.map(toDriftRecord);
      yield* records;
      if (records.length < batchSize) return;
      from = records.at(-1)!.promoCodeId;
    }
  }
}
