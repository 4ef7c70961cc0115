import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { fromKysely } from '../../src/adapters/index';
import { parsers } from './adapted';
import { adapterContract } from './contract';

adapterContract('Kysely', async (url) => {
  const pool = new pg.Pool({ connectionString: url, types: parsers });
  pool.on('error', () => {});
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] });
  return {
    transaction: (work, isolation) =>
      db
        .transaction()
        .setIsolationLevel(isolation ?? 'read committed')
        .execute((trx) =>
          work({
            adapt: () => fromKysely(trx),
            run: (text) => sql.raw(text).execute(trx),
          }),
        ),
    close: () => db.destroy(),
  };
});
