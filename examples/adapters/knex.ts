import knexOf from 'knex';
import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromKnex } from 'pg-promo-codes/adapters';

const knex = knexOf({ client: 'pg', connection: process.env.DATABASE_URL ?? '' });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const promoCodes = new PromoCodeRepository(pool);

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return knex.transaction(async (trx) => {
    await trx('orders').insert({ id: order.id, customer: order.customer });
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromKnex(trx) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await pool.end();
  await knex.destroy();
}
