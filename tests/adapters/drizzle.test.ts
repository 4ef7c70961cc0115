import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOnPostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { fromDrizzle } from '../../src/adapters/index';
import { parsers } from './adapted';
import { adapterContract } from './contract';

adapterContract('Drizzle on node-postgres', async (url) => {
  const pool = new pg.Pool({ connectionString: url, types: parsers });
  pool.on('error', () => {});
  const db = drizzle(pool);
  return {
    transaction: (work, isolationLevel) =>
      db.transaction(
        (tx) =>
          work({
            adapt: () => fromDrizzle(tx, sql),
            run: (text) => tx.execute(sql.raw(text)),
          }),
        isolationLevel && { isolationLevel },
      ),
    close: () => pool.end(),
  };
});

adapterContract(
  'Drizzle on postgres.js',
  async (url) => {
    const connection = postgres(url, { onnotice: () => {} });
    const db = drizzleOnPostgresJs(connection);
    return {
      transaction: (work, isolationLevel) =>
        db.transaction(
          (tx) =>
            work({
              adapt: () => fromDrizzle(tx, sql),
              run: (text) => tx.execute(text),
            }),
          isolationLevel && { isolationLevel },
        ),
      close: () => connection.end(),
    };
  },
  { everyday: [] },
);
