import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromKysely } from 'pg-promo-codes/adapters';

interface Tables {
  orders: { id: number; customer: string };
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
const promoCodes = new PromoCodeRepository(pool);

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return db.transaction().execute(async (trx) => {
    await trx.insertInto('orders').values({ id: order.id, customer: order.customer }).execute();
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromKysely(trx) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await db.destroy();
}
