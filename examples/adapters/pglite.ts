import { PGlite } from '@electric-sql/pglite';
import { installSchema, PromoCodeRepository } from 'pg-promo-codes';
import { fromPglite, poolFromPglite } from 'pg-promo-codes/adapters';

const db = new PGlite();
await db.exec('CREATE TABLE orders (id integer PRIMARY KEY, customer text NOT NULL)');
await installSchema(poolFromPglite(db));
const promoCodes = new PromoCodeRepository(poolFromPglite(db));
await promoCodes.ensure({ code: 'SUMMER', shopId: 'shop-1', bonusValue: '5.00' });

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return db.transaction(async (tx) => {
    await tx.query('INSERT INTO orders (id, customer) VALUES ($1, $2)', [order.id, order.customer]);
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromPglite(tx) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await db.close();
}
