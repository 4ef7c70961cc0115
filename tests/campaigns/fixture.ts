import { expect } from 'vitest';
import { checkDrift } from '../../src/index';
import type { TestSchema } from '../support';

/** The columns of a campaign that a test sets, as SQL has them. */
export interface CampaignFields {
  shop_id?: string;
  is_active?: boolean;
  start_date?: string | null;
  end_date?: string | null;
  total_usage_limit?: number | null;
  per_customer_limit?: number | null;
  max_total_bonus?: string | null;
  budget_overrun?: 'refuse' | 'cap';
}

/** A campaign of its own; answers its id. */
export async function newCampaign(t: TestSchema, fields: CampaignFields = {}): Promise<string> {
  const all = { shop_id: 'shop', name: 'campaign', ...fields };
  const values = Object.values(all);
  const { rows } = await t.sql<{ id: string }>(
    `INSERT INTO :"library".promo_code_campaigns (${Object.keys(all).join(', ')})
     VALUES (${values.map((_, index) => `$${index + 1}`).join(', ')}) RETURNING id`,
    values,
  );
  return rows[0]!.id;
}

/** The statement that puts codes into a campaign, from whichever they are in. */
export function put(campaign: string, ...codes: (string | number)[]): string {
  return `INSERT INTO :"library".promo_code_campaign_codes (promo_code_id, campaign_id)
          VALUES ${codes.map((code) => `('${code}', ${campaign})`).join(', ')}
          ON CONFLICT (promo_code_id) DO UPDATE SET campaign_id = excluded.campaign_id`;
}

/** The statement that takes codes out of their campaigns. */
export function takeOut(...codes: (string | number)[]): string {
  return `DELETE FROM :"library".promo_code_campaign_codes WHERE promo_code_id IN (${codes.map((code) => `'${code}'`).join(', ')})`;
}

/** The counters of campaigns by id, of those that have any. */
export async function campaignCounters(t: TestSchema): Promise<Record<string, [uses: number, bonus: number]>> {
  const { rows } = await t.sql<{ id: string; uses: string; bonus: string }>(
    `SELECT id, times_used::text AS uses, total_bonus_issued::text AS bonus FROM :"library".promo_code_campaigns
      WHERE times_used <> 0 OR total_bonus_issued <> 0`,
  );
  return Object.fromEntries(rows.map(({ id, uses, bonus }) => [id, [Number(uses), Number(bonus)]]));
}

/** The counters of campaigns are these, and all counters are what the rows come to. */
export async function expectCampaigns(
  t: TestSchema,
  expected: Record<string, [uses: number, bonus: number]>,
): Promise<void> {
  expect(await campaignCounters(t)).toEqual(expected);
  expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
}
