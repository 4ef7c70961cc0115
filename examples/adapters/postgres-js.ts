import { PromoCodeRepository } from 'pg-promo-codes';
import { fromPostgresJs, poolFromPostgresJs } from 'pg-promo-codes/adapters';
import postgres from 'postgres';

const sql = postgres(process.env.DATABASE_URL ?? '');
const promoCodes = new PromoCodeRepository(poolFromPostgresJs(sql));

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return sql.begin(async (sql) => {
    await sql`INSERT INTO orders (id, customer) VALUES (${order.id}, ${order.customer})`;
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromPostgresJs(sql) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await sql.end();
}
