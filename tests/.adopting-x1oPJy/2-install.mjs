// install.mjs: as the owner of the tables; online, the counters that are wrong are corrected
import pg from 'pg';
import { installTriggers } from 'pg-promo-codes';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const { repaired } = await installTriggers(pool);
console.log(`${repaired.length} codes corrected`);
await pool.end();
