import pg from 'pg';
import { installSchema } from '../../src/index';
import type { TestSchema } from '../support';

/** Three codes with uses, and what no trigger has seen: the counters of two of them are wrong, and one trigger is switched off. */
export async function makeDriftedShop(t: TestSchema, schema: string): Promise<void> {
  await installSchema(t.pool, { schema });
  const own = pg.escapeIdentifier(schema);
  const sql = (text: string) => t.pool.query(text.replaceAll('$shop', () => own));
  await sql(`
    INSERT INTO $shop.promo_codes
      (code, shop_id, bonus_type, bonus_value, max_bonus, start_date, end_date, total_usage_limit, per_customer_limit)
    VALUES
      ('SUMMER', 'shop-1', 'percentage', 15.15, 20, now() - interval '20 days', '2099-12-31 12:00+00', 18, 1),
      ('WELCOME', 'shop-1', 'fixed', 5, NULL, now() - interval '20 days', '2099-12-31 12:00+00', NULL, NULL),
      ('SPRING', 'shop-2', 'fixed', 5, NULL, now() - interval '20 days', '2099-12-31 12:00+00', 1000, 1)`);
  await sql(`
    INSERT INTO $shop.promo_code_uses
      (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward, used_at)
    SELECT c.id, 'customer-' || g, 'shop-1', 10, 5, 15, date_trunc('day', now(), 'UTC') - (g % 7) * interval '24 hours'
      FROM (VALUES ('SUMMER', 17), ('WELCOME', 40)) AS used(code, times)
      JOIN $shop.promo_codes AS c USING (code)
     CROSS JOIN LATERAL generate_series(1, used.times) AS g`);
  await sql(`
    ALTER TABLE $shop.promo_code_uses DISABLE TRIGGER USER;
    DELETE FROM $shop.promo_code_uses WHERE customer_address IN ('customer-3', 'customer-4');
    ALTER TABLE $shop.promo_code_uses ENABLE TRIGGER USER;
    ALTER TABLE $shop.promo_code_uses DISABLE TRIGGER promo_code_uses_delete_trigger`);
}
