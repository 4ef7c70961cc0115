// A host, as check-package gives it to every bundler: it installs, redeems, is limited, and checks. It prints one line of
// JSON.
import pg from 'pg';
import { checkDrift, installSchema, isPromoCodesError, PromoCodeRepository } from 'pg-promo-codes';

async function main() {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  pool.on('error', (error) => console.error(error));
  const schema = process.env.HOST_SCHEMA;
  await installSchema(pool, { schema });

  const promoCodes = new PromoCodeRepository(pool, { schema, rateLimit: { failures: 2 } });
  const code = { code: 'SUMMER', shopId: 'shop-1', bonusType: 'percentage', bonusValue: '15.15', maxBonus: '20.00' };
  await promoCodes.ensure(code);
  const request = { code: 'summer', shopId: 'shop-1', customerAddress: 'ann@example.com', baseReward: '33.33' };
  const redeemed = await promoCodes.redeem(request, { rateLimitKey: '198.51.100.1' });

  let limited = null;
  for (let guess = 1; guess <= 3; guess += 1) {
    await promoCodes.redeem({ ...request, code: `GUESS${guess}` }, { rateLimitKey: '203.0.113.9' }).catch((error) => {
      if (!isPromoCodesError(error)) throw error;
      limited = { guess, code: error.code, name: error.name };
    });
  }
  const drift = await checkDrift(pool, { schema });
  await promoCodes.close();
  await pool.end();
  console.log(JSON.stringify({ total: redeemed.use?.totalReward, limited, drift }));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
