import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromDrizzle } from 'pg-promo-codes/adapters';

const orders = pgTable('orders', { id: integer().primaryKey(), customer: text().notNull() });

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const db = drizzle(pool);
const promoCodes = new PromoCodeRepository(pool);

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return db.transaction(async (tx) => {
    await tx.insert(orders).values({ id: order.id, customer: order.customer });
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromDrizzle(tx, sql) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await pool.end();
}
