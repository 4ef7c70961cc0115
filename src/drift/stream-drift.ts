import { explainMissing } from '../inspect/explain-missing.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { withConnection } from '../postgres/transaction.js';
import { scopeOf } from './check-drift.js';
import { driftQueryAsText } from './drift-query.js';
import { type DriftRecord, toDriftRecord } from './drift-record.js';
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
export async function* streamDrift(
  db: Database,
  options?: StreamDriftOptions,
): AsyncGenerator<DriftRecord, void, void> {
  const { batchSize, onProgress, ...filter } = parseArguments(db, streamDriftOptions, options, 'streamDrift()');
  const codes = `${quoteIdentifier(filter.schema)}.promo_codes`;
  const { scope, values } = scopeOf(filter);
  const query = async (text: string, parameters: unknown[]) => {
    try {
      return (await withConnection(db, (connection) => connection.query(text, parameters))).rows;
    } catch (error) {
      throw await explainMissing(db, filter.schema, error);
    }
  };

  const [counted] = await query(`SELECT count(*)::text AS total FROM ${codes} AS c WHERE ${scope.codes}`, values);
  const total = Number(counted?.total);
  let done = 0;
  /** The last id that was dealt with; ids below the first code and above the last one may have uses as well. */
  let after: string | null = null;
  for (;;) {
    const [range]: Record<string, unknown>[] = await query(
      `SELECT max(id)::text AS last, count(*)::text AS codes
         FROM (SELECT c.id FROM ${codes} AS c
                WHERE ${scope.codes} AND c.id > coalesce($${values.length + 1}::bigint, -9223372036854775808)
                ORDER BY c.id LIMIT ${batchSize}) AS batch`,
      [...values, after],
    );
    const inBatch = Number(range?.codes);
    const isLast = inBatch < batchSize;
    yield* driftBetween(after, isLast ? null : String(range?.last));
    done += inBatch;
    onProgress?.({ phase: 'check', done, total: Math.max(total, done) });
    if (isLast) return;
    after = String(range?.last);
  }

  /** The records of ids above `low` up to `high`, a page at a time: there may be any number of ids without a code. */
  async function* driftBetween(low: string | null, high: string | null): AsyncGenerator<DriftRecord, void, void> {
    let from = low;
    for (;;) {
      const [lower, upper] = [`$${values.length + 1}::bigint`, `$${values.length + 2}::bigint`];
      const within = (id: string) =>
        `${from === null ? `${lower} IS NULL` : `${id} > ${lower}`} AND ${high === null ? `${upper} IS NULL` : `${id} <= ${upper}`}`;
      const rows = await query(
        driftQueryAsText(filter.schema, {
          uses: `${scope.uses} AND ${within('u.promo_code_id')}`,
          codes: `${scope.codes} AND ${within('c.id')}`,
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
