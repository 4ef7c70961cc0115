import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  type Database,
  inspectTriggers,
  installSchema,
  installTriggers,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { watching } from '../../src/postgres/watch';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('unlimited');
const { schema } = t;
let proxy: CuttingProxy;
let pool: pg.Pool;
const usual = { ...watching };

beforeAll(async () => {
  Object.assign(watching, { everyMs: 200, patienceMs: 2_000 });
  proxy = await startProxy(t.url);
  pool = new pg.Pool({ connectionString: proxy.url, max: 3 });
  pool.on('error', () => {});
});
afterAll(async () => {
  Object.assign(watching, usual);
  await pool.end();
  await proxy.close();
});

const calls: [string, (db: Database) => Promise<unknown>][] = [
  ['checkDrift', (db) => checkDrift(db, { schema })],
  ['repairDrift', (db) => repairDrift(db, { schema })],
  ['streamDrift', async (db) => streamDrift(db, { schema }).next()],
  ['assertNoDrift', (db) => assertNoDrift(db, { schema })],
  ['inspectTriggers', (db) => inspectTriggers(db, { schema })],
  ['installTriggers', (db) => installTriggers(db, { schema })],
  ['installSchema', (db) => installSchema(db, { schema })],
  ['uninstallTriggers', (db) => uninstallTriggers(db, { schema: 'a schema that is not there' })],
];

it.each(calls)(
  '%s ends on a connection that has gone silent, and its place in the pool is free again',
  async (_, call) => {
    // A connection that the pool has already.
    await pool.query('SELECT');
    let silent: number | undefined;
    proxy.onData((from, _data, connection) => {
      if (from === 'client') silent ??= connection;
      return connection === silent ? 'silence' : false;
    });
    try {
      await expect(call(pool)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    } finally {
      proxy.onData(() => false);
    }
    await Promise.all([1, 2, 3].map(() => pool.query('SELECT')));
  },
);

it('a statement that only takes its time is waited for', async () => {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('LOCK TABLE :"schema".promo_code_uses IN ACCESS EXCLUSIVE MODE'));
  const checked = checkDrift(pool, { schema });
  await new Promise((resolve) => setTimeout(resolve, 6 * watching.everyMs));
  await holder.query('ROLLBACK');
  expect(await checked).toEqual([]);
});
