import { expect, it } from 'vitest';
import { installSchema } from '../../src/index';
import { useRepository } from '../support/repository';

/** Looks into the indexes of the table of uses for one redemption. */
const MOST_LOOKS = 10;
const CODES = 500;

const t = useRepository('campaign never analysed');
const { repository, request } = t;

it('counts the uses of a customer without a look into each code of the campaign, with no statistics', async () => {
  await t.sql(`ALTER TABLE :"schema".promo_code_uses SET (autovacuum_enabled = off);
               ALTER TABLE :"schema".promo_codes SET (autovacuum_enabled = off);
               ALTER TABLE :"library".promo_code_campaign_codes SET (autovacuum_enabled = off)`);
  const { id } = await repository.campaigns.create({ shopId: 'shop', name: 'Big', perCustomerLimit: 2 });
  const codes = await repository.generate({
    ...{ shopId: 'shop', count: CODES, bonusValue: 5, perCustomerLimit: null, campaignId: id },
  });
  await t.sql(
    `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
     SELECT c.id, 'filler-' || c.id || '-' || n, 'shop', 10, 5, 15 FROM :"schema".promo_codes AS c, generate_series(1, 100) AS n`,
  );
  // The next start builds the index.
  await installSchema(t.pool, { schema: t.schema });
  const client = await t.client();
  const looks = async (): Promise<number> => {
    const { rows } = await client.query<{ looks: string }>(
      t.expand(`SELECT idx_scan AS looks FROM pg_stat_xact_user_tables
                 WHERE schemaname = :'schema' AND relname = 'promo_code_uses'`),
    );
    return Number(rows[0]?.looks);
  };
  for (let time = 0; time < 12; time += 1) {
    await client.query('BEGIN');
    const before = await looks();
    expect(await repository.redeem(request(codes[time]!), { client })).toMatchObject({ ok: true });
    expect((await looks()) - before).toBeLessThan(MOST_LOOKS);
    await client.query('COMMIT');
  }
});
