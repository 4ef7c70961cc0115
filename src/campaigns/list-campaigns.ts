import { withRules } from '../host/rules.js';
import type { Call } from '../redemption/calls.js';
import type { CodeState } from '../repository/code-state.js';
import { type Mark, type Page, toPage } from '../repository/cursor.js';
import { type Campaign, type CampaignRow, campaignColumns, toCampaign } from './campaign.js';

/** Which campaigns are listed. */
export interface CampaignFilter {
  shopId?: string | undefined;
  state?: CodeState | undefined;
  search?: string | undefined;
  limit: number;
  cursor?: Mark | null | undefined;
}

const IS_USE_OF_HOLD = withRules(':is_use_of_hold()');
/** Holds of its codes whose time has run out, which take no place. */
const DUE = `:"library".promo_code_holds AS h
         JOIN :"library".promo_code_campaign_codes AS k ON k.promo_code_id = h.promo_code_id`;
const IS_DUE = 'k.campaign_id = m.id AND h.released_at IS NULL AND h.expires_at <= clock_timestamp()';

/** The state of a campaign `m`, by the rules of a redemption of its codes. */
const STATE = `CASE WHEN m.is_active IS NOT TRUE THEN 'inactive'
    WHEN m.start_date > now() THEN 'scheduled'
    WHEN m.end_date < now() THEN 'expired'
    WHEN m.times_used >= m.total_usage_limit
     AND m.times_used - (SELECT count(*) FROM ${DUE} WHERE ${IS_DUE}) >= m.total_usage_limit THEN 'used_up'
    WHEN m.total_bonus_issued >= m.max_total_bonus
     AND m.total_bonus_issued - coalesce((
           SELECT sum(u.:"bonus_amount"::numeric) FROM ${DUE} JOIN :"uses" AS u ON ${IS_USE_OF_HOLD} WHERE ${IS_DUE}
         ), 0::numeric) >= m.max_total_bonus THEN 'used_up'
    ELSE 'redeemable' END`;

/** The newest first. Each page is one scan of an index, as far as state and search pass over nothing. */
export async function listCampaigns(call: Call, filter: CampaignFilter): Promise<Page<Campaign>> {
  const { host } = call;
  const { shopId, state, search, limit, cursor } = filter;
  // What the database cannot even write is in no column.
  if (!host.canWrite(shopId ?? '', search ?? '')) return { items: [], nextCursor: null };
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions = ['true'];
  if (shopId !== undefined && host.has('codes', 'shopId')) conditions.push(`m.shop_id = ${bind(shopId)}::text`);
  if (cursor) conditions.push(`m.id < ${bind(cursor.id)}::bigint`);
  if (state !== undefined) conditions.push(`${STATE} = ${bind(state)}::text`);
  if (search !== undefined) {
    const wanted = bind(`%${search.replaceAll(/[\\%_]/g, '\\$&')}%`);
    conditions.push(`upper(m.name COLLATE "default") LIKE upper(${wanted}::text COLLATE "default")`);
  }
  // One more than the limit, where there is one, tells that there is a next page.
  const statement = `SELECT ${campaignColumns(host)} FROM :"library".promo_code_campaigns AS m
    WHERE ${conditions.join(' AND ')} ORDER BY m.id DESC LIMIT ${bind(limit + 1)}::integer`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), values));
  return toPage(
    rows.map((row: CampaignRow) => toCampaign(row)),
    limit,
    () => 'campaign',
  );
}
