import type pg from 'pg';
import { randomBonus, randomCustomer } from '../old-application';
import type { Codes } from './codes';

const COLUMNS = 'promo_code_id, customer_address, shop_id, transaction_id, base_reward, bonus_amount, total_reward';
/** Once in a while an application records no bonus. */
const WITHOUT_BONUS = 0.1;

export async function insertUses(client: pg.Client, codeIds: readonly number[]): Promise<number> {
  const { rowCount } = await client.query(
    `INSERT INTO promo_code_uses (${COLUMNS})
     SELECT code, customer, 'shop-1', NULL, 10, bonus, 10 + coalesce(bonus, 0)
       FROM unnest($1::int[], $2::text[], $3::numeric[]) AS new (code, customer, bonus)`,
    [codeIds, codeIds.map(randomCustomer), codeIds.map(bonusOrNull)],
  );
  return rowCount ?? 0;
}

/**
 * Rows that another connection has locked are passed over: two bulk statements that met there would be a deadlock of the
 * application's own. (An array, because a subquery with LIMIT may be run more than once.)
 */
const SOME_USES = `ANY (ARRAY(
  SELECT id FROM promo_code_uses WHERE promo_code_id = $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))`;

export async function deleteUses(client: pg.Client, codeId: number, count: number): Promise<number> {
  const { rowCount } = await client.query(`DELETE FROM promo_code_uses WHERE id = ${SOME_USES}`, [codeId, count]);
  return rowCount ?? 0;
}

export async function amendUses(client: pg.Client, codeId: number, count: number): Promise<number> {
  const { rowCount } = await client.query(`UPDATE promo_code_uses SET bonus_amount = $3 WHERE id = ${SOME_USES}`, [
    codeId,
    count,
    bonusOrNull(),
  ]);
  return rowCount ?? 0;
}

export async function moveUses(client: pg.Client, from: number, to: number, count: number): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE promo_code_uses SET promo_code_id = $3, bonus_amount = bonus_amount + 0.5 WHERE id = ${SOME_USES}`,
    [from, count, to],
  );
  return rowCount ?? 0;
}

/** One row that is there already, with another code and amount, and one that is new: both kinds of trigger fire. */
export async function upsertUses(client: pg.Client, from: number, to: number): Promise<number> {
  const { rowCount } = await client.query(
    `INSERT INTO promo_code_uses (id, ${COLUMNS})
     SELECT coalesce((SELECT max(id) FROM promo_code_uses WHERE promo_code_id = $1), nextval('promo_code_uses_id_seq')),
            $2::int, $3, 'shop-1', NULL, 10, $4::numeric, 10
      UNION ALL
     SELECT nextval('promo_code_uses_id_seq'), $1::int, $3, 'shop-1', NULL, 10, $4::numeric, 10
         ON CONFLICT (id) DO UPDATE SET promo_code_id = excluded.promo_code_id, bonus_amount = excluded.bonus_amount`,
    [from, to, randomCustomer(), randomBonus()],
  );
  return rowCount ?? 0;
}

/** Adds a code with some uses, and deletes an older one: its uses go by ON DELETE CASCADE while others write to it. */
export async function exchangeCode(client: pg.Client, codes: Codes): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `INSERT INTO promo_codes (code, shop_id) VALUES (left('PASSING' || $1, 20), 'shop-1') RETURNING id`,
    [Math.random().toString(36).slice(2)],
  );
  const added = rows[0]!.id;
  const written = await insertUses(client, Array<number>(5).fill(added));
  const old = codes.exchange(added);
  if (old !== undefined) await client.query('DELETE FROM promo_codes WHERE id = $1', [old]);
  return written;
}

/** A code that is in the campaign leaves it, and another one comes: their uses count there no more, or from now on. */
export async function exchangeMember(client: pg.Client, codes: Codes): Promise<number> {
  const code = codes.pick();
  const { rowCount } = await client.query(
    'DELETE FROM pgpromocodes.promo_code_campaign_codes WHERE promo_code_id = $1',
    [code],
  );
  if (rowCount === 0) {
    await client.query(
      `INSERT INTO pgpromocodes.promo_code_campaign_codes (promo_code_id, campaign_id)
       SELECT id, $2 FROM promo_codes WHERE id = $1 ON CONFLICT DO NOTHING`,
      [code, codes.campaignId],
    );
  }
  return 0;
}

/** An ORM that saves a row as it was read some time ago, or a hand that thinks it knows better. */
export async function overwriteCounters(client: pg.Client, codeId: number): Promise<number> {
  await client.query('UPDATE promo_codes SET times_used = 7, total_bonus_issued = NULL, name = $2 WHERE id = $1', [
    codeId,
    `saved by hand ${Math.random()}`,
  ]);
  return 0;
}

function bonusOrNull(): string | null {
  return Math.random() < WITHOUT_BONUS ? null : randomBonus();
}
