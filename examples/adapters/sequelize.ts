import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromSequelize } from 'pg-promo-codes/adapters';
import { DataTypes, Sequelize } from 'sequelize';

const sequelize = new Sequelize(process.env.DATABASE_URL ?? '', { logging: false });
const Order = sequelize.define(
  'orders',
  { id: { type: DataTypes.INTEGER, primaryKey: true }, customer: DataTypes.TEXT },
  { timestamps: false },
);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const promoCodes = new PromoCodeRepository(pool);

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return sequelize.transaction(async (transaction) => {
    await Order.create({ id: order.id, customer: order.customer }, { transaction });
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromSequelize(transaction) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await pool.end();
  await sequelize.close();
}
