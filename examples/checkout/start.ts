/**
 * npx tsx examples/checkout/start.ts
 *
 * Needs DATABASE_URL. Creates its tables in the schema "checkout_example", and a code WELCOME of 5.00. Then:
 *   curl -X POST localhost:3000/orders -H 'content-type: application/json' \
 *     -d '{"orderId":"1","customer":"ann","promoCode":"welcome","reward":"10.00"}'
 */
import pg from 'pg';
import { DuplicateCodeError, installSchema, PromoCodeRepository } from '../../src/index.js';
import { buildCheckout } from './app.js';

const schema = 'checkout_example';
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
await installSchema(pool, { schema });
await pool.query(`CREATE TABLE IF NOT EXISTS ${schema}.orders (id text PRIMARY KEY, customer text NOT NULL)`);
await new PromoCodeRepository(pool, { schema })
  .create({ code: 'WELCOME', shopId: 'shop', bonusValue: '5.00' })
  .catch((error) => {
    if (!(error instanceof DuplicateCodeError)) throw error;
  });
console.log(await buildCheckout(pool, schema, 'shop').listen({ port: 3000 }));
