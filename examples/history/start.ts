/**
 * A program that follows the history of a shop: it fills an outbox table, and posts to a webhook. It needs a PostgreSQL in
 * DATABASE_URL (`npm run server` gives one) and creates its tables in the schema "history_example":
 *
 *   WEBHOOK_URL=http://localhost:4000/ npx tsx examples/history/start.ts
 *
 * Each start redeems a code. End it with Ctrl-C and start it again: it goes on behind what it has dealt with.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { installSchema, PromoCodeRepository } from 'pg-promo-codes';
import { createOutbox, feedWebhook, fillOutbox } from './outbox.js';

const schema = 'history_example';
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
// An idle connection that breaks is replaced. Without a listener Node.js would end the process.
pool.on('error', (error) => console.error(error.message));

await installSchema(pool, { schema, history: true });
await createOutbox(pool, schema);
const promoCodes = new PromoCodeRepository(pool, { schema });
await promoCodes.ensure({ code: 'WELCOME', shopId: 'shop', bonusValue: '5.00' });

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
const url = process.env.WEBHOOK_URL;
const followers = [
  fillOutbox(pool, schema, promoCodes, stop.signal),
  ...(url === undefined ? [] : [feedWebhook(pool, schema, promoCodes, url, stop.signal)]),
];
const customerAddress = `customer-${randomUUID()}`;
const result = await promoCodes.redeem({ code: 'welcome', shopId: 'shop', customerAddress, baseReward: '10.00' });
console.log(`Following; redeemed ${result.ok ? result.use.id : result.reason}`);
await Promise.all(followers);
await promoCodes.close();
await pool.end();
