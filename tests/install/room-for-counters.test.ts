import { expect, it } from 'vitest';
import { useRepository } from '../support/repository';

const CODES = 2_000;
const t = useRepository('room for counters');

/** Of the updates of every tenth code, those that wrote no index. */
async function heapOnly(): Promise<{ updates: number; hot: number }> {
  const client = await t.client();
  const sql = (text: string) => client.query(t.expand(text));
  await sql('BEGIN');
  await sql(`INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id)
    SELECT id, 'ann', 'shop' FROM :"schema".promo_codes WHERE id % 10 = 0`);
  const { rows } = await sql(
    `SELECT n_tup_upd::integer AS updates, n_tup_hot_upd::integer AS hot FROM pg_stat_xact_user_tables
      WHERE schemaname = :'schema' AND relname = 'promo_codes'`,
  );
  await sql('ROLLBACK');
  await client.end();
  return rows[0];
}

const fill = () =>
  t.sql(`DELETE FROM :"schema".promo_codes; INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date)
    SELECT 'C' || i, 'shop', 5, 'infinity' FROM generate_series(1, ${CODES}) AS i`);

it('the first use of a code finds room on its page, where installSchema has made the table', async () => {
  await fill();
  const { updates, hot } = await heapOnly();
  expect(updates).toBe(CODES / 10);
  expect(hot).toBe(updates);
});

it('on pages that are full it finds none, until they are written anew with the setting of the page', async () => {
  await t.sql('ALTER TABLE :"schema".promo_codes SET (fillfactor = 100)');
  await t.sql('TRUNCATE :"schema".promo_codes CASCADE');
  await fill();
  expect((await heapOnly()).hot).toBeLessThan(CODES / 50);
  await t.sql('ALTER TABLE :"schema".promo_codes SET (fillfactor = 85)');
  await t.sql('VACUUM FULL :"schema".promo_codes');
  const { updates, hot } = await heapOnly();
  expect(hot).toBe(updates);
});
