import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';
import { fromPrisma } from 'pg-promo-codes/adapters';
import { PrismaClient } from './generated/prisma/client';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
pool.on('error', console.error); // an idle connection that breaks is replaced
const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
const promoCodes = new PromoCodeRepository(pool);

export function placeOrder(order: { id: number; customer: string; code: string }): Promise<string> {
  return prisma.$transaction(async (tx) => {
    await tx.$executeRaw`INSERT INTO orders (id, customer) VALUES (${order.id}, ${order.customer})`;
    const result = await promoCodes.redeem(
      { code: order.code, shopId: 'shop-1', customerAddress: order.customer, baseReward: '20.00' },
      { client: fromPrisma(tx) },
    );
    if (result.ok !== true) throw new Error(result.message); // undoes the order as well
    return result.use.totalReward;
  });
}

export async function close(): Promise<void> {
  await promoCodes.close();
  await prisma.$disconnect();
  await pool.end();
}
