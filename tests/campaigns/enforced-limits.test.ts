import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useSchema, waitUntilBlocked } from '../support';
import { createHost, GRANULARITIES, insert, use } from '../triggers/host';
import { expectCampaigns, newCampaign, put } from './fixture';

describe.each(GRANULARITIES)(
  'enforceLimits holds the limits of campaigns for hand-written SQL (%s triggers)',
  (granularity) => {
    const t = useSchema('enforced campaigns');
    beforeAll(() => createHost(t, { granularity, enforceLimits: true }));
    beforeEach(() => t.sql('DELETE FROM :"schema".promo_code_uses; DELETE FROM :"library".promo_code_campaigns'));

    it('the total limit (PC010)', async () => {
      const id = await newCampaign(t, { total_usage_limit: 2 });
      await t.sql(put(id, 1, 2));
      await expect(t.sql(insert(use(1), use(2), use(1)))).rejects.toMatchObject({ code: 'PC010' });
      await t.sql(insert(use(1), use(2), use(3)));
      await expect(t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 1')).rejects.toMatchObject({
        code: 'PC010',
      });
      await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 1 WHERE promo_code_id = 2');
      await expectCampaigns(t, { [id]: [2, 10] });
      await t.sql('UPDATE :"library".promo_code_campaigns SET total_usage_limit = 1');
      await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 2 WHERE promo_code_id = 1');
    });

    it('the limit of a customer (PC011), also of one that a use is given to', async () => {
      const id = await newCampaign(t, { per_customer_limit: 2 });
      await t.sql(put(id, 1, 2, 4));
      await t.sql(insert(use(1, 5, 'ann'), use(2, 5, 'Ann'), use(3, 5, 'ann'), use(4, 5, 'bob')));
      await expect(t.sql(insert(use(4, 5, ' ANN ')))).rejects.toMatchObject({ code: 'PC011' });
      await expect(
        t.sql(`UPDATE :"schema".promo_code_uses SET customer_address = 'ann' WHERE promo_code_id = 4`),
      ).rejects.toMatchObject({ code: 'PC011' });
      await t.sql('UPDATE :"library".promo_code_campaigns SET per_customer_limit = 9223372036854775807');
      await t.sql(insert(use(4, 5, 'ann')));
      await expectCampaigns(t, { [id]: [4, 20] });
    });

    it('the budget (PC012), also of an amount that rises', async () => {
      const id = await newCampaign(t, { max_total_bonus: '12' });
      await t.sql(put(id, 1, 2));
      await expect(t.sql(insert(use(1, 6), use(2, 6.01)))).rejects.toMatchObject({ code: 'PC012' });
      await t.sql(insert(use(1, 6), use(2, 6), use(3, 1)));
      await expect(
        t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 7 WHERE promo_code_id = 1'),
      ).rejects.toMatchObject({ code: 'PC012' });
      await t.sql(`UPDATE :"schema".promo_code_uses SET bonus_amount = CASE promo_code_id WHEN 1 THEN 8 ELSE 4 END
                  WHERE promo_code_id < 3`);
      await expectCampaigns(t, { [id]: [2, 12] });
    });

    it('two transactions of different codes take turns', async () => {
      const id = await newCampaign(t, { per_customer_limit: 1 });
      await t.sql(put(id, 1, 2));
      const [one, two] = [await t.client(), await t.client()];
      await one.query('BEGIN');
      await one.query(t.expand(insert(use(1, 5, 'ann'))));
      const waiting = two.query(t.expand(insert(use(2, 5, 'ann')))).catch((error: { code: string }) => error.code);
      await waitUntilBlocked(t.pool, two);
      await one.query('COMMIT');
      expect(await waiting).toBe('PC011');
    });
  },
);
