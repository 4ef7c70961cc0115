import { ValidationError } from '../errors.js';
import { idType } from '../host/ids.js';
import { explainMissing } from '../inspect/explain-missing.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { readLong } from '../postgres/reading.js';
import { describeReceived } from '../received.js';
import { countedDriftQueryAsText, type DriftScope, driftQueryAsText } from './drift-query.js';
import { type DriftRecord, toDriftRecord } from './drift-record.js';
import { type Compared, readCompared } from './layout-of.js';
import { type DriftTrace, noteScope, observeDrift } from './observed.js';
import { type CheckDriftOptions, checkDriftOptions, type ParsedFilter } from './options.js';

/**
 * Compares the counters of every code with its uses and what was archived of them, and those of every campaign with the same of its
 * codes, in one statement and so with one snapshot: exact under load, without false alarms (`docs/drift.md`). Takes no lock but that of a reader. A role
 * that may not read the library's tables of campaigns compares the codes alone.
 *
 * @returns one record per code that differs, and one per id that has uses but no code, in the order of ids, then one per campaign
 * that differs; an empty array means that there is no drift.
 * @throws NotInstalledError where the tables or columns do not exist.
 * @throws ValidationError for an unknown option or value.
 */
export function checkDrift(db: Database, options?: CheckDriftOptions): Promise<DriftRecord[]> {
  return checkDriftOf(db, options, undefined);
}

/** @param shard the name of the database among several, for events */
export function checkDriftOf(
  db: Database,
  options: CheckDriftOptions | undefined,
  shard: string | undefined,
): Promise<DriftRecord[]> {
  const check = async (trace?: DriftTrace) => {
    const { limit, ...filter } = parseArguments(db, checkDriftOptions, options, 'checkDrift()');
    return findDrift(db, await readCompared(db, filter), filter, limit, trace);
  };
  return observeDrift('checkDrift', check, shard);
}

/** The check itself, on checked arguments. For a subscriber the same statement counts the codes that it looks at as well. */
export async function findDrift(
  db: Database,
  compared: Compared,
  filter: ParsedFilter,
  limit?: number,
  trace?: DriftTrace,
): Promise<DriftRecord[]> {
  const { layout } = compared;
  if (trace) noteScope(trace, layout, filter, limit);
  const { scope, values } = scopeOf(compared, filter);
  try {
    const queryOf = trace ? countedDriftQueryAsText : driftQueryAsText;
    const statement = queryOf(layout, { ...scope, limit });
    const { rows } = await readLong(db, statement, values);
    if (!trace) return rows.map(toDriftRecord);
    const records = rows.filter(({ kind }) => kind !== null).map(toDriftRecord);
    trace.note(() => ({ codes: Number(rows[0]?.codes), drifted: records.length }));
    return records;
  } catch (error) {
    throw await explainMissing(db, layout, error);
  }
}

/**
 * The conditions for a shop and for ids. Each side of the comparison is narrowed down, not the result. Who names codes leaves
 * campaigns out, unless they are named as well, and the other way round.
 */
export function scopeOf(
  { layout, readsCampaigns, readsCarried }: Compared,
  { shopId, promoCodeIds, campaignIds }: ParsedFilter,
): { scope: DriftScope; values: unknown[] } {
  const { codeId } = layout.types;
  const uses: string[] = [];
  const codes: string[] = [];
  const members: string[] = [];
  const campaigns: string[] = [];
  const values: unknown[] = [];
  if (promoCodeIds !== undefined) {
    values.push(requireIds(codeId, 'promoCodeIds', promoCodeIds));
    uses.push(`u.:"promo_code_id" = ANY ($${values.length}::${codeId}[])`);
    codes.push(`c.:"code_id" = ANY ($${values.length}::${codeId}[])`);
  }
  if (campaignIds !== undefined) {
    values.push(requireIds('bigint', 'campaignIds', campaignIds));
    members.push(`m.campaign_id = ANY ($${values.length}::bigint[])`);
    campaigns.push(`g.id = ANY ($${values.length}::bigint[])`);
  }
  if (shopId !== undefined) {
    values.push(shopId);
    const shop = `$${values.length}::text`;
    codes.push(`c.:"code_shop_id"::text = ${shop}`);
    uses.push(
      `(u.:"promo_code_id" IN (SELECT s.:"code_id" FROM :"codes" AS s WHERE s.:"code_shop_id"::text = ${shop})` +
        ` OR (u.:"use_shop_id"::text = ${shop}` +
        ' AND NOT EXISTS (SELECT FROM :"codes" AS s WHERE s.:"code_id" = u.:"promo_code_id")))',
    );
    campaigns.push(`g.shop_id = ${shop}`);
    members.push(
      `m.campaign_id IN (SELECT own.id FROM :"library".promo_code_campaigns AS own WHERE own.shop_id = ${shop})`,
    );
  }
  const all = (conditions: string[]) => conditions.join(' AND ') || 'TRUE';
  const withCodes = promoCodeIds !== undefined || campaignIds === undefined;
  const withCampaigns = campaignIds !== undefined || (readsCampaigns === true && promoCodeIds === undefined);
  return {
    scope: {
      codes: withCodes ? { uses: all(uses), codes: all(codes) } : undefined,
      campaigns: withCampaigns ? { members: all(members), campaigns: all(campaigns) } : undefined,
      carries: readsCarried === true,
    },
    values,
  };
}

/** @throws ValidationError for what is no id of these codes or of campaigns. */
function requireIds(type: string, path: 'promoCodeIds' | 'campaignIds', ids: readonly string[]): string[] {
  const { rule, read } = idType(type);
  const issues = ids.flatMap((id, place) =>
    read(id) === undefined ? [{ path: `${path}.${place}`, message: rule, received: describeReceived(id) ?? '' }] : [],
  );
  if (issues.length > 0) throw new ValidationError(issues);
  return ids.map((id) => read(id) ?? id);
}
