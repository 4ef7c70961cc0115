// race.mjs: forty orders at once for a code that may be used five times; it removes what it has made
import pg from 'pg';
import { PromoCodeRepository } from 'pg-promo-codes';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const promoCodes = new PromoCodeRepository(pool);
const code = { code: `RACE${Date.now()}`, shopId: 'race', bonusValue: '1.00', totalUsageLimit: 5 };
const { id } = await promoCodes.create(code);

async function order(number) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    // INSERT INTO orders …
    const request = { code: code.code, shopId: 'race', customerAddress: `customer-${number}`, baseReward: '10.00' };
    const result = await promoCodes.redeem(request, { client });
    await client.query('COMMIT');
    return result.ok;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const outcomes = await Promise.all(Array.from({ length: 40 }, (_, number) => order(number)));
const counted = await promoCodes.findById(id);
console.log(`${outcomes.filter(Boolean).length} redeemed, ${counted?.timesUsed} counted`);
await promoCodes.delete(id);
await promoCodes.close();
await pool.end();
