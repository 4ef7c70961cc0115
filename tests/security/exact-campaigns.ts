import { expect } from 'vitest';
import type { PromoCode, PromoCodeRepository, RedeemInput } from '../../src/index';

interface Making {
  newCode(fields: object): Promise<PromoCode>;
  request(code: { code: string }, fields?: object): RedeemInput;
  say(text: string): Promise<{ rows: Record<string, unknown>[] }>;
}

/** What campaigns make the server do: counting, moves, limits of each kind, holds that give way. */
export async function exerciseCampaigns(repository: PromoCodeRepository, { newCode, request, say }: Making) {
  const key = { rateLimitKey: '203.0.113.9' };
  const reasons = (results: readonly { ok: boolean }[]) =>
    results.map((result) => ('reason' in result ? result.reason : 'ok'));
  const campaign = async (fields: string, values: string) => {
    const { rows } = await say(
      `INSERT INTO :"library".promo_code_campaigns (shop_id, name, ${fields}) VALUES ('s', 'n', ${values}) RETURNING id::text AS id`,
    );
    return String(rows[0]!.id);
  };
  const put = (id: string, ...codes: PromoCode[]) =>
    say(
      `INSERT INTO :"library".promo_code_campaign_codes (promo_code_id, campaign_id)
       VALUES ${codes.map((code) => `('${code.id}', ${id})`).join(', ')}
       ON CONFLICT (promo_code_id) DO UPDATE SET campaign_id = excluded.campaign_id`,
    );
  const [one, two] = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
  const id = await campaign('total_usage_limit, per_customer_limit, max_total_bonus', '4, 2, 100');
  await put(id, one, two);
  expect(await repository.redeem(request(one), key)).toMatchObject({ ok: true });
  const asked = request(two);
  const batch = [asked, { ...asked, code: one.code }, asked, request(one), request(two)];
  expect(reasons(await repository.redeemMany(batch, key))).toEqual([
    ...['ok', 'ok', 'campaign_customer_limit_reached', 'ok', 'campaign_limit_reached'],
  ]);
  const { transactionId: _none, columns: _more, ...preview } = request(one);
  expect(await repository.validate(preview, key)).toMatchObject({ reason: 'campaign_limit_reached' });
  await expect(say(`UPDATE :"uses" SET promo_code_id = promo_code_id, bonus_amount = 99`)).rejects.toThrow();
  await say(
    `UPDATE :"library".promo_code_campaigns SET total_usage_limit = NULL, max_total_bonus = 24, budget_overrun = 'cap'`,
  );
  await repository.reserve({ ...request(two), ttlSeconds: 60 }, key);
  await say(`UPDATE :"library".promo_code_holds SET expires_at = '-infinity' WHERE released_at IS NULL`);
  expect(await repository.validate(preview, key)).toMatchObject({ valid: true });
  expect(await repository.redeem(request(one), key)).toMatchObject({ ok: true });
  expect(await repository.redeem(request(one), key)).toMatchObject({ reason: 'campaign_budget_exhausted' });
  const other = await campaign('is_active', 'false');
  await put(other, one);
  expect(await repository.redeem(request(one), key)).toMatchObject({ reason: 'campaign_inactive' });
  await say(`DELETE FROM :"uses" WHERE promo_code_id = '${two.id}'`);
  await say(`UPDATE :"library".promo_code_campaigns SET times_used = 9`);
  await say('TRUNCATE :"library".promo_code_campaign_codes');
  await put(id, one, two);
  await say(`DELETE FROM :"codes" WHERE code = '${two.code}'`);
}
