import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromMikroOrm } from 'pg-promo-codes/adapters';

interface Order {
  id: number;
  customer: string;
}
const Order = new EntitySchema<Order>({
  name: 'Order',
  tableName: 'orders',
  properties: { id: { type: 'number', primary: true }, customer: { type: 'string' } },
});

const orm = MikroORM.init({ clientUrl: process.env.DATABASE_URL ?? '', entities: [Order] });
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const promoCodes = new PromoCodeRepository(pool);

export async function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  const { em } = await orm;
  return em.fork().transactional(async (em) => {
    em.create(Order, { id: order.id, customer: order.customer });
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromMikroOrm(em) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await pool.end();
  await (await orm).close();
}
