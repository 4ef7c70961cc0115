import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const promoCodes = new PromoCodeRepository(pool);

export async function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('INSERT INTO orders (id, customer) VALUES ($1, $2)', [order.id, order.customer]);
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    await client.query('COMMIT');
    return result.use.totalReward;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // fails where the connection broke, and the first error says more
    throw error;
  } finally {
    client.release();
  }
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await pool.end();
}
