// look.mjs: reads only, with or without triggers
import pg from 'pg';
import { checkDrift, inspectTriggers } from 'pg-promo-codes';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const { ok } = await inspectTriggers(pool);
const drift = await checkDrift(pool);
console.log(`triggers ${ok ? 'in order' : 'not in order'}, ${drift.length} codes drift`);
for (const { code, timesUsed, actualUses } of drift) console.log(`${code}: ${timesUsed} counted, ${actualUses} there`);
await pool.end();
