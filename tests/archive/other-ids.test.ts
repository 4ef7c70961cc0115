import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { archiveUses } from '../../src/index';
import { expectCampaigns, newCampaign, put } from '../campaigns/fixture';
import { useSchema } from '../support';
import { counters, createHost, insert, use } from '../triggers/host';

/** Codes that get another id, with uses that are there and uses that were archived. */
const HOSTS = [
  {
    name: 'an id that cascades',
    key: `ALTER TABLE :"schema".promo_code_uses ADD FOREIGN KEY (promo_code_id) REFERENCES :"schema".promo_codes
            ON DELETE CASCADE ON UPDATE CASCADE`,
  },
  { name: 'without a foreign key', key: '' },
];

describe.each(HOSTS)('$name', ({ key }) => {
  const t = useSchema('archive other ids');
  let [one, two]: string[] = [];
  beforeAll(() =>
    createHost(t, {
      alter: `ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey; ${key}`,
    }),
  );

  beforeEach(async () => {
    await t.sql('TRUNCATE :"schema".promo_code_uses, :"schema".promo_codes, :"library".promo_code_campaigns CASCADE');
    await t.sql(
      `INSERT INTO :"schema".promo_codes (id, code, shop_id, bonus_value, end_date)
       SELECT n, 'C' || n, 'shop', 5, now() + interval '1 day' FROM generate_series(1, 9) AS n`,
    );
    [one, two] = [await newCampaign(t), await newCampaign(t)];
    await t.sql(put(one, 1, 2));
    await t.sql(put(two, 4));
    await t.sql(insert(use(1, 1, 'ann'), use(1, 2, 'bob'), use(2, 4), use(4, 8), use(9, 16)));
    const before = new Date(Date.now() + 60_000);
    expect(await archiveUses(t.pool, { schema: t.schema, before })).toEqual({ archived: 5 });
  });

  const carried = async () =>
    (
      await t.sql<{ id: string; customers: string[] }>(
        `SELECT k.promo_code_id::text AS id, array_agg(c.customer_address ORDER BY c.customer_address) AS customers
           FROM :"library".promo_code_carried_totals AS k JOIN :"library".promo_code_carried_customers AS c USING (promo_code_id)
          GROUP BY 1 ORDER BY 1`,
      )
    ).rows.map(({ id, customers }) => [id, ...customers]);

  it('take what they carry along, at once and each use once', async () => {
    await t.sql(insert(use(1, 32)));
    const client = await t.client();
    const run = (statement: string) => client.query(t.expand(statement));
    await run('BEGIN');
    await run('UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1');
    const { rows } = await run(
      `SELECT times_used::int AS uses, total_bonus_issued::int AS bonus FROM :"library".promo_code_campaigns WHERE id = ${one}`,
    );
    expect(rows).toEqual([key ? { uses: 4, bonus: 39 } : { uses: 3, bonus: 7 }]);
    await run(insert(use(100, 64)));
    await run('COMMIT');
    expect(await carried()).toEqual([
      ['100', 'ann', 'bob'],
      ['2', 'someone'],
      ['4', 'someone'],
      ['9', 'someone'],
    ]);
    expect((await counters(t))['100']).toEqual(key ? [4, '99.00'] : [3, '67.00']);
    if (!key) await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 1');
    await expectCampaigns(t, { [one!]: key ? [5, 103] : [4, 71], [two!]: [1, 8] });
  });

  it('come into the place of one that the same transaction, or the same statement, deletes', async () => {
    await t.sql(`BEGIN; DELETE FROM :"schema".promo_codes WHERE id = 4;
                 UPDATE :"schema".promo_codes SET id = 4 WHERE id = 1; COMMIT`);
    expect((await counters(t))['4']).toEqual([2, '3.00']);
    await expectCampaigns(t, { [one!]: [3, 7] });
    // What is deleted is read, so it is deleted first.
    await t.sql(`WITH gone AS (DELETE FROM :"schema".promo_codes WHERE id = 4 RETURNING id)
                 UPDATE :"schema".promo_codes SET id = 4 WHERE id = 9 AND EXISTS (SELECT FROM gone)`);
    expect(await carried()).toEqual([
      ['2', 'someone'],
      ['4', 'someone'],
    ]);
    expect((await counters(t))['4']).toEqual([1, '16.00']);
    await expectCampaigns(t, { [one!]: [1, 4] });
  });

  it('leave their campaign with what they carry when they are deleted under their new id', async () => {
    await t.sql(`BEGIN; UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1;
                 DELETE FROM :"schema".promo_codes WHERE id = 100; COMMIT`);
    await expectCampaigns(t, { [one!]: [1, 4], [two!]: [1, 8] });
    await t.sql(`BEGIN; UPDATE :"schema".promo_codes SET id = 100 WHERE id = 2;
                 DELETE FROM :"library".promo_code_campaign_codes WHERE promo_code_id = 100; COMMIT`);
    await expectCampaigns(t, { [two!]: [1, 8] });
  });
});
