import { driftChannel } from '../diagnostics/channels.js';
import { renderSqlFile } from '../host/render.js';
import { explainMissing } from '../inspect/explain-missing.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { readLong } from '../postgres/reading.js';
import { scopeOf } from './check-drift.js';
import { type DriftScope, driftFile, EVERYTHING } from './drift-query.js';
import { DRIFT_COLUMNS, type DriftRecord, type DriftRow, toDriftRecord } from './drift-record.js';
import { readCompared } from './layout-of.js';
import { type DriftTrace, noteScope, observeLoop } from './observed.js';
import { type StreamDriftOptions, streamDriftOptions } from './options.js';

/**
 * The same comparison as `checkDrift`, range of ids by range of ids, codes first and then campaigns: for tables too big for one
 * statement. Each range is one statement with one snapshot, so each record is exact; memory is bounded by `batchSize`. An index on
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
  const compared = await readCompared(db, filter);
  const { layout } = compared;
  if (trace) noteScope(trace, layout, filter);
  const query: Query = async <Row>(text: string, parameters: unknown[]) => {
    try {
      const statement = renderSqlFile(text, layout);
      return (await readLong(db, statement, parameters)).rows as Row[];
    } catch (error) {
      throw await explainMissing(db, layout, error);
    }
  };
  const { scope } = scopeOf(compared, filter);
  if (scope.codes) {
    yield* compareCodes(query, batchSize, scopeOf(compared, { ...filter, campaignIds: undefined }), (done, total) => {
      trace?.note(() => ({ codes: done }));
      onProgress?.({ phase: 'check', done, total });
    });
  }
  if (scope.campaigns) {
    const { campaignIds, shopId } = filter;
    yield* compareCampaigns(query, batchSize, scopeOf(compared, { campaignIds, shopId }));
  }
}

/** Runs a statement with placeholders. */
type Query = <Row>(text: string, values: unknown[]) => Promise<Row[]>;
type Scoped = ReturnType<typeof scopeOf>;

const asText = (scope: DriftScope) => `SELECT ${DRIFT_COLUMNS} FROM (\n${driftFile(scope)}\n) AS drift`;

async function* compareCodes(
  query: Query,
  batchSize: number,
  { scope: { codes = EVERYTHING.codes, carries }, values }: Scoped,
  onDone: (done: number, total: number) => void,
): AsyncGenerator<DriftRecord, void, void> {
  const [counted] = await query<{ total: string }>(
    `SELECT count(*)::text AS total FROM :"codes" AS c WHERE ${codes.codes}`,
    values,
  );
  const total = Number(counted?.total);
  let done = 0;
  /** The last id that was dealt with; ids below the first code and above the last one may have uses as well. */
  let after: string | null = null;
  for (;;) {
    const [range]: { last: string | null; codes: string }[] = await query(
      `SELECT (pg_catalog.array_agg(id ORDER BY id DESC))[1]::text AS last, count(*)::text AS codes
         FROM (SELECT c.:"code_id" AS id FROM :"codes" AS c
                WHERE ${codes.codes}
                  AND ($${values.length + 1}::text IS NULL OR c.:"code_id" > $${values.length + 1}::text:::code_id_type)
                ORDER BY c.:"code_id" LIMIT ${batchSize}) AS batch`,
      [...values, after],
    );
    const inBatch = Number(range?.codes);
    const isLast = inBatch < batchSize;
    yield* driftBetween(after, isLast ? null : String(range?.last));
    done += inBatch;
    onDone(done, Math.max(total, done));
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
      const page = {
        uses: `${codes.uses} AND ${within('u.:"promo_code_id"')}`,
        codes: `${codes.codes} AND ${within('c.:"code_id"')}`,
      };
      const rows = await query<DriftRow>(asText({ codes: page, carries, limit: batchSize }), [...values, from, high]);
      yield* rows.map(toDriftRecord);
      if (rows.length < batchSize) return;
      from = rows.at(-1)!.id;
    }
  }
}

async function* compareCampaigns(
  query: Query,
  batchSize: number,
  { scope: { campaigns = EVERYTHING.campaigns, carries }, values }: Scoped,
): AsyncGenerator<DriftRecord, void, void> {
  const place = values.length + 1;
  for (let after: string | null = '0'; after !== null; ) {
    const range: { id: string }[] = await query(
      `SELECT g.id::text AS id FROM :"library".promo_code_campaigns AS g
        WHERE ${campaigns.campaigns} AND g.id > $${place}::bigint ORDER BY g.id LIMIT ${batchSize}`,
      [...values, after],
    );
    if (range.length === 0) return;
    const ids = (column: string) => `${column} = ANY ($${place}::bigint[])`;
    const batch = {
      members: `${campaigns.members} AND ${ids('m.campaign_id')}`,
      campaigns: `${campaigns.campaigns} AND ${ids('g.id')}`,
    };
    const rows = await query<DriftRow>(asText({ campaigns: batch, carries }), [...values, range.map(({ id }) => id)]);
    yield* rows.map(toDriftRecord);
    after = range.length < batchSize ? null : range.at(-1)!.id;
  }
}
