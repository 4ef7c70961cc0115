// reject.mjs: whatever writes a counter fails
import pg from 'pg';
import { installTriggers } from 'pg-promo-codes';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
await installTriggers(pool, { counterWrites: 'reject' });
await pool.end();
