import type { Call } from '../redemption/calls.js';
import type { CodeState } from '../repository/code-state.js';
import { type Mark, type Page, toPage } from '../repository/cursor.js';
import { type Campaign, type CampaignRow, campaignColumns, toCampaign } from './campaign.js';
import { CAMPAIGN_STATE } from './campaign-state.js';

/** Which campaigns are listed. */
export interface CampaignFilter {
  shopId?: string | undefined;
  state?: CodeState | undefined;
  search?: string | undefined;
  limit: number;
  cursor?: Mark | null | undefined;
}

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
  if (state !== undefined) conditions.push(`${CAMPAIGN_STATE} = ${bind(state)}::text`);
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
