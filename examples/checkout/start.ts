/**
 * A shop that takes orders with promo codes. It needs a PostgreSQL in DATABASE_URL (`npm run server` gives one), creates its
 * tables in the schema "checkout_example" and a code WELCOME of 5.00, and listens on PORT (3000):
 *
 *   npx tsx examples/checkout/start.ts
 *
 * Then, as often as you like:
 *
 *   curl -X POST localhost:3000/orders -H 'content-type: application/json' -d '{"orderId":"1","customer":"ann","promoCode":"welcome","reward":"10.00"}'
 */
import pg from 'pg';
import { installSchema, PromoCodeRepository } from 'pg-promo-codes';
import { buildCheckout } from './app.js';

const schema = 'checkout_example';
const shopId = 'shop';
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
// An idle connection that breaks is replaced. Without a listener Node.js would end the process.
pool.on('error', (error) => console.error(error.message));

await installSchema(pool, { schema });
await pool.query(`CREATE TABLE IF NOT EXISTS ${schema}.orders (id text PRIMARY KEY, customer text NOT NULL)`);
await new PromoCodeRepository(pool, { schema }).ensure({ code: 'WELCOME', shopId, bonusValue: '5.00' });

const app = buildCheckout(pool, schema, shopId);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await app.close();
    await pool.end();
  });
}
console.log(`Listening on ${await app.listen({ port: Number(process.env.PORT ?? 3000) })}`);
