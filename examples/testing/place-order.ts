import type pg from 'pg';
import type { PromoCodeRepository } from 'pg-promo-codes';

/** What is tested: an order and its promo code are one transaction. Gives the total. */
export async function placeOrder(
  pool: pg.Pool,
  promoCodes: PromoCodeRepository,
  order: { customer: string; code: string },
): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client },
    );
    if (result.ok !== true) throw new Error(result.reason);
    await client.query('COMMIT');
    return result.use.totalReward;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}
