import type pg from 'pg';
import { PromoCodeRepository } from '../../src/index.js';
import type { PreviewRole, RedemptionRole } from './roles.js';

/** One caller's redemption of a code by a customer who has not used it. */
export type Redeem = (code: number, customer: string) => Promise<void>;

type Connect = (pool: pg.Pool, schema: string) => Redeem;

const BONUS = '5.00';
const BASE = '10.00';
const TOTAL = '15.00';
const SHOP = 'shop';

const insert = (schema: string) =>
  `INSERT INTO ${schema}.promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)`;

const ownUses = (schema: string) =>
  `SELECT count(*) FROM ${schema}.promo_code_uses
    WHERE promo_code_id = $1 AND lower(btrim(customer_address)) = lower(btrim($2))`;

const byName = (schema: string) =>
  `SELECT id, total_usage_limit, per_customer_limit, times_used, is_active, start_date <= now() AND now() <= end_date AS open
     FROM ${schema}.promo_codes WHERE shop_id = $1 AND upper(code) = upper($2)`;

interface CodeRow {
  id: string;
  total_usage_limit: number | null;
  per_customer_limit: number | null;
  times_used: number;
  is_active: boolean;
  open: boolean;
}

function requireRoom(code: CodeRow | undefined, uses: number, own: number): asserts code is CodeRow {
  const within = (used: number, limit: number | null) => limit === null || used < limit;
  if (!code?.is_active || !code.open) throw new Error('The code is not valid');
  if (!within(uses, code.total_usage_limit)) throw new Error('The code is used up');
  if (!within(own, code.per_customer_limit)) throw new Error('The customer has used the code');
}

async function inTransaction(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await work(client);
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** Five round trips under the lock of the code; a row trigger counts. */
const seed: Connect = (pool, schema) => async (code, customer) => {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<CodeRow>(`${byName(schema)} FOR UPDATE`, [SHOP, `CODE-${code}`]);
    const found = rows[0];
    const own = await client.query(ownUses(schema), [found?.id, customer]);
    requireRoom(found, found?.times_used ?? 0, Number(own.rows[0].count));
    await client.query(`${insert(schema)} VALUES ($1, $2, $3, $4, $5, $6)`, [
      found.id,
      customer,
      SHOP,
      BASE,
      BONUS,
      TOTAL,
    ]);
  });
};

/** The same with a campaign over all codes, whose row is locked in the place of that of the code and counted by hand. */
const campaignRow: Connect = (pool, schema) => async (code, customer) => {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<CodeRow>(byName(schema), [SHOP, `CODE-${code}`]);
    const found = rows[0];
    const campaign = await client.query<{ times_used: number }>(
      `SELECT times_used FROM ${schema}.campaigns WHERE id = 1 FOR UPDATE`,
    );
    const own = await client.query(ownUses(schema), [found?.id, customer]);
    requireRoom(found, campaign.rows[0]?.times_used ?? 0, Number(own.rows[0].count));
    await client.query(
      `WITH counted AS (UPDATE ${schema}.campaigns SET times_used = times_used + 1 WHERE id = 1)
       ${insert(schema)} VALUES ($1, $2, $3, $4, $5, $6)`,
      [found.id, customer, SHOP, BASE, BONUS, TOTAL],
    );
  });
};

/** No counters: the uses are counted whenever somebody asks, here under the lock of the code. */
const onRead: Connect = (pool, schema) => async (code, customer) => {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<CodeRow>(`${byName(schema)} FOR NO KEY UPDATE`, [SHOP, `CODE-${code}`]);
    const found = rows[0];
    const used = await client.query(
      `SELECT (SELECT count(*) FROM ${schema}.promo_code_uses WHERE promo_code_id = $1) AS uses, (${ownUses(schema)}) AS own`,
      [found?.id, customer],
    );
    requireRoom(found, Number(used.rows[0].uses), Number(used.rows[0].own));
    await client.query(`${insert(schema)} VALUES ($1, $2, $3, $4, $5, $6)`, [
      found.id,
      customer,
      SHOP,
      BASE,
      BONUS,
      TOTAL,
    ]);
  });
};

/** No lock: the counter is the version, and who finds it changed begins anew. */
const optimistic: Connect = (pool, schema) => async (code, customer) => {
  for (;;) {
    const { rows } = await pool.query<CodeRow>(byName(schema), [SHOP, `CODE-${code}`]);
    const found = rows[0];
    const own = await pool.query(ownUses(schema), [found?.id, customer]);
    requireRoom(found, found?.times_used ?? 0, Number(own.rows[0].count));
    const { rowCount } = await pool.query(
      `WITH counted AS (
         UPDATE ${schema}.promo_codes
            SET times_used = times_used + 1, total_bonus_issued = total_bonus_issued + $7, updated_at = now()
          WHERE id = $1 AND times_used = $2 RETURNING id
       ) ${insert(schema)} SELECT id, $3, $4, $5, $6, $8 FROM counted`,
      [found.id, found.times_used, customer, SHOP, BASE, BONUS, BONUS, TOTAL],
    );
    if (rowCount === 1) return;
  }
};

const ours =
  (batching: boolean): Connect =>
  (pool, schema) => {
    const repository = new PromoCodeRepository(pool, { schema, batching });
    return async (code, customer) => {
      const result = await repository.redeem({
        code: `CODE-${code}`,
        shopId: SHOP,
        customerAddress: customer,
        baseReward: BASE,
      });
      if (!result.ok) throw new Error(result.message);
    };
  };

const preview =
  (batching: boolean): Connect =>
  (pool, schema) => {
    const repository = new PromoCodeRepository(pool, { schema, batching });
    return async (code, customerAddress) => {
      const asked = { code: `CODE-${code}`, shopId: SHOP, customerAddress, baseReward: BASE };
      const result = await repository.validate(asked);
      if (!result.valid) throw new Error(result.message);
    };
  };

/** Previews, each in a statement of its own or with others. */
export const previews: Record<PreviewRole, Connect> = { unbatched: preview(false), ours: preview(true) };

/** A lower bound: the bare row, without a check and without a counter. */
const bareInsert: Connect = (pool, schema) => async (code, customer) => {
  await pool.query(`${insert(schema)} VALUES ($1, $2, $3, $4, $5, $6)`, [code, customer, SHOP, BASE, BONUS, TOTAL]);
};

/** A lower bound: the bare counter of the code. */
const bareUpdate: Connect = (pool, schema) => async (code) => {
  await pool.query(
    `UPDATE ${schema}.promo_codes SET times_used = times_used + 1, total_bonus_issued = total_bonus_issued + 5 WHERE id = $1`,
    [code],
  );
};

export const designs: Record<RedemptionRole, Connect> = {
  seed,
  campaignRow,
  onRead,
  optimistic,
  unbatched: ours(false),
  ours: ours(true),
  bareInsert,
  bareUpdate,
  bareRows: bareInsert,
};

/** The rows of a whole batch in one statement after another, as fast as one connection takes them: the physical limit. */
export function insertRows(pool: pg.Pool, schema: string): (customers: string[]) => Promise<unknown> {
  const text = `${insert(schema)} SELECT 1, customer, '${SHOP}', ${BASE}, ${BONUS}, ${TOTAL} FROM unnest($1::text[]) AS customer`;
  return (customers) => pool.query(text, [customers]);
}
