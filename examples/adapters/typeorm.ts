import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromTypeOrm } from 'pg-promo-codes/adapters';
import { DataSource, EntitySchema } from 'typeorm';

const Order = new EntitySchema<{ id: number; customer: string }>({
  name: 'orders',
  columns: { id: { type: Number, primary: true }, customer: { type: String } },
});

const dataSource = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL ?? '', entities: [Order] });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const promoCodes = new PromoCodeRepository(pool);

export async function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  if (!dataSource.isInitialized) await dataSource.initialize();
  return dataSource.transaction(async (manager) => {
    await manager.insert(Order, { id: order.id, customer: order.customer });
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromTypeOrm(manager) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await pool.end();
  await dataSource.destroy();
}
