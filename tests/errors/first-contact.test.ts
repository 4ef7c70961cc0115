import net from 'node:net';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  type Database,
  InsufficientPrivilegeError,
  inspectTriggers,
  installSchema,
  installTriggers,
  isPromoCodesError,
  LockTimeoutError,
  PromoCodeRepository,
  type PromoCodesError,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { useRole } from '../support';
import { useRepository, waitingRedemption } from '../support/repository';

const t = useRepository('first contact');
const { newCode, request, schema } = t;

const PASSWORD = 'S3cret-of-the-host';

/** Every function that takes a database, as a host may call it first. */
const functions: [name: string, call: (db: Database) => Promise<unknown>][] = [
  ['installSchema', (db) => installSchema(db, { schema })],
  ['installTriggers', (db) => installTriggers(db, { schema })],
  ['inspectTriggers', (db) => inspectTriggers(db, { schema })],
  ['uninstallTriggers', (db) => uninstallTriggers(db, { schema })],
  ['checkDrift', (db) => checkDrift(db, { schema })],
  ['streamDrift', (db) => streamDrift(db, { schema }).next()],
  ['repairDrift', (db) => repairDrift(db, { schema })],
  ['assertNoDrift', (db) => assertNoDrift(db, { schema })],
  ['list', (db) => new PromoCodeRepository(db, { schema, retry: { attempts: 2 } }).list()],
  [
    'redeem',
    (db) =>
      new PromoCodeRepository(db, { schema, retry: { attempts: 2 } }).redeem({
        code: 'ANY',
        shopId: 'shop',
        customerAddress: 'ann',
        baseReward: 1,
      }),
  ],
];

async function errorOf(promise: Promise<unknown>): Promise<PromoCodesError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  if (!isPromoCodesError(error)) throw error;
  expect(error.message).not.toContain(PASSWORD);
  return error;
}

/** Lets nobody in, with an error of this SQLSTATE. */
async function refusingServer(sqlState: string, text: string, use: (url: string) => Promise<void>): Promise<void> {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E', 0, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(Buffer.concat([head, body])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await use(`postgres://someone:${PASSWORD}@127.0.0.1:${port}/shop`);
  server.close();
}

describe.each(functions)('%s', (_, call) => {
  it('C30: where nobody listens', async () => {
    const pool = new pg.Pool({ connectionString: `postgres://someone:${PASSWORD}@127.0.0.1:1/shop` });
    const error = await errorOf(call(pool));
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'CONNECTION_FAILED' });
    expect(error.message).toMatch(/127\.0\.0\.1:1, database shop.*is DATABASE_URL set\?/);
    await pool.end();
  });

  it('C30: at a host that does not exist', async () => {
    const pool = new pg.Pool({ host: 'no-such-host.invalid', port: 5432, database: 'shop', password: PASSWORD });
    const error = await errorOf(call(pool));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(error.message).toMatch(/no-such-host\.invalid:5432, database shop/);
    await pool.end();
  });

  it('C31: with a wrong password', async () => {
    await refusingServer('28P01', 'password authentication failed for user "someone"', async (url) => {
      const pool = new pg.Pool({ connectionString: url });
      const error = await errorOf(call(pool));
      expect(error).toMatchObject({ name: 'ConnectionError', code: 'AUTHENTICATION_FAILED', sqlState: '28P01' });
      expect(error.message).toMatch(/127\.0\.0\.1:\d+.* the user someone/);
      await pool.end();
    });
  });

  it('C31: at a database that does not exist', async () => {
    const url = new URL(t.url);
    url.pathname = '/no_such_database';
    const pool = new pg.Pool({ connectionString: url.href });
    const error = await errorOf(call(pool));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', sqlState: '3D000' });
    expect(error.message).toContain('no_such_database');
    await pool.end();
  });

  it('C43: after pool.end()', async () => {
    const pool = new pg.Pool({ connectionString: t.url });
    await pool.end();
    expect(await errorOf(call(pool))).toMatchObject({ name: 'ConnectionError', code: 'CLOSED' });
  });

  it('C43: after client.end()', async () => {
    const client = new pg.Client({ connectionString: t.url });
    await client.connect();
    await client.end();
    expect(await errorOf(call(client))).toMatchObject({ code: 'CLOSED' });
  });

  it('C46: what has no SQLSTATE shows none', async () => {
    const pool = new pg.Pool({ connectionString: 'postgres://127.0.0.1:1/shop' });
    expect(Object.keys(await errorOf(call(pool)))).not.toContain('sqlState');
    await pool.end();
  });

  it.each([
    ['a TypeError of the driver', new TypeError('x is not a function')],
    ['a string', 'broken'],
    ['nothing', undefined],
    ['an object', { whatever: 1 }],
    [
      'an error that wraps itself',
      Object.assign(new Error('round'), {
        get cause() {
          return this;
        },
      }),
    ],
    ['a password in a message', new Error(`connect postgres://someone:${PASSWORD}@db/shop failed`)],
  ])('throws errors of the tree whatever a driver throws: %s', async (_name, thrown) => {
    const failing = { query: () => Promise.reject(thrown), connect: () => Promise.reject(thrown) };
    await errorOf(call(failing));
    await errorOf(call({ query: () => Promise.reject(thrown) }));
    const later = { query: failing.query, release: () => undefined };
    await errorOf(call({ query: failing.query, connect: async () => later }));
  });
});

describe('a role that may not redeem (C34)', () => {
  const poor = useRole({ label: 'poor' });
  beforeAll(() =>
    t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${poor.quoted};
                         GRANT SELECT ON :"schema".promo_codes, :"schema".promo_code_uses TO ${poor.quoted}`),
  );

  it('is given the SQL that helps', async () => {
    const code = await newCode();
    const repository = new PromoCodeRepository(t.poolWith({ max: 2 }, poor.login), { schema });
    const error = await errorOf(repository.redeem(request(code)));
    expect(error).toBeInstanceOf(InsufficientPrivilegeError);
    const { sql } = error as InsufficientPrivilegeError;
    expect(sql).toContain('GRANT INSERT, UPDATE, DELETE ON');
    await t.sql(sql!);
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  });
});

it('C40: in a transaction of the host that has failed already', async () => {
  const code = await newCode();
  const client = await t.client();
  await client.query('BEGIN');
  await client.query('SELECT 1 / 0').catch(() => undefined);
  const error = await errorOf(t.repository.redeem(request(code), { client }));
  expect(error).toMatchObject({ code: 'TRANSACTION_ABORTED', sqlState: '25P02' });
  expect(error.message).toMatch(/earlier statement of your transaction failed.*roll it back/);
  await client.query('ROLLBACK');
});

it('C41: a column of the host that is NOT NULL without a default', async () => {
  const own = `ALTER TABLE :"schema".promo_code_uses ADD order_id bigint NOT NULL DEFAULT 0;
               ALTER TABLE :"schema".promo_code_uses ALTER order_id DROP DEFAULT`;
  await t.sql(own);
  try {
    const error = await errorOf(t.repository.redeem(request(await newCode())));
    expect(error).toMatchObject({ code: 'VALIDATION', sqlState: '23502', issues: [{ path: 'order_id' }] });
    expect(error.message).toMatch(/order_id: is a column of promo_code_uses that is NOT NULL.*SET DEFAULT/);
  } finally {
    await t.sql('ALTER TABLE :"schema".promo_code_uses DROP order_id');
  }
});

describe('C42: a lock that is waited for in vain', () => {
  const stranger = useRole({ label: 'stranger' });
  beforeAll(() =>
    t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${stranger.quoted};
    GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${stranger.quoted}`),
  );

  const lock = (mode: string) => t.expand(`SELECT FROM :"schema".promo_codes WHERE id = $1 FOR ${mode}`);
  const impatient = (pool: Database) => new PromoCodeRepository(pool, { schema, lockTimeoutMs: 150 });

  it.each([
    ['redeem', (repository: PromoCodeRepository, code: { id: string }) => repository.redeem(request(code as never))],
    ['deactivate', (repository: PromoCodeRepository, code: { id: string }) => repository.deactivate(code.id)],
    ['update', (repository: PromoCodeRepository, code: { id: string }) => repository.update(code.id, { name: 'x' })],
  ])('%s names the code, and who holds it', async (_, call) => {
    const code = await newCode();
    const holder = await t.client();
    await holder.query(`BEGIN; SET LOCAL application_name = 'night job'`);
    await holder.query(lock('UPDATE'), [code.id]);
    const { rows } = await holder.query('SELECT pg_backend_pid() AS pid');
    const error = (await errorOf(call(impatient(t.pool), code))) as LockTimeoutError;
    expect(error).toBeInstanceOf(LockTimeoutError);
    expect(error).toMatchObject({
      promoCodeId: code.id,
      holder: { pid: rows[0].pid, applicationName: 'night job', since: expect.any(Date) },
    });
    expect(error.message).toContain(code.code);
    expect(error.message).toContain('night job');
    await holder.query('ROLLBACK');
  });

  it('by several at once: one of them is named', async () => {
    const code = await newCode();
    const holders = [await t.client(), await t.client()];
    for (const holder of holders) {
      await holder.query('BEGIN');
      await holder.query(lock('KEY SHARE'), [code.id]);
    }
    const error = (await errorOf(impatient(t.pool).delete(code.id))) as LockTimeoutError;
    expect(error.holder?.pid).toBeGreaterThan(0);
    for (const holder of holders) await holder.query('ROLLBACK');
  });

  it('as a role that may not see other sessions: the code alone', async () => {
    const code = await newCode();
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(lock('UPDATE'), [code.id]);
    const repository = impatient(t.poolWith({ max: 2 }, stranger.login));
    const error = (await errorOf(repository.deactivate(code.id))) as LockTimeoutError;
    expect(error).toMatchObject({ promoCodeId: code.id });
    expect(error.holder).toBeUndefined();
    await holder.query('ROLLBACK');
  });

  it('with no connection left to ask on: the error comes all the same', async () => {
    const code = await newCode();
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(lock('UPDATE'), [code.id]);
    const client = await t.client();
    await client.query('BEGIN');
    const repository = new PromoCodeRepository(t.pool, { schema, lockTimeoutMs: 150, batching: false });
    const redeeming = errorOf(repository.redeem(request(code), { client }));
    await waitingRedemption(t);
    expect(await redeeming).toBeInstanceOf(LockTimeoutError);
    await client.query('ROLLBACK');
    await holder.query('ROLLBACK');
  });
});

it('C44: the tables of the library were dropped', async () => {
  await t.sql('ALTER TABLE :"library".promo_code_holds RENAME TO gone');
  try {
    const error = await errorOf(t.repository.reserve({ ...request(await newCode()), ttlSeconds: 60 }));
    expect(error).toMatchObject({ code: 'NOT_INSTALLED', missing: ['promo_code_holds'] });
    expect(error.message).toMatch(/Call installTriggers\(\).*Did a migration tool drop it\?/);
  } finally {
    await t.sql('ALTER TABLE :"library".gone RENAME TO promo_code_holds');
  }
});

it('C45: on a server that only reads', async () => {
  const code = await newCode();
  const pool = t.poolWith({ options: '-c default_transaction_read_only=on' });
  const repository = new PromoCodeRepository(pool, { schema, retry: { attempts: 2 } });
  const { hostname, port } = new URL(t.url);
  const calls = [
    () => repository.redeem(request(code)),
    () => repository.rollbackUse(1),
    () => repository.activate(code.id),
  ];
  for (const call of calls) {
    const error = await errorOf(call());
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'READ_ONLY', sqlState: '25006' });
    expect(error.message).toContain(`${hostname}:${port}`);
  }
});

describe('the SQLSTATE of an error that a library has wrapped', () => {
  const server = Object.assign(new Error('null value'), {
    code: '23502',
    table_name: 'promo_code_uses',
    column_name: 'order_id',
  });
  it.each([
    ['as it is (pg, Kysely, Knex, PGlite, postgres.js)', server],
    ['Drizzle', Object.assign(new Error('Failed query'), { cause: server })],
    ['Sequelize', Object.assign(new Error('wrapped'), { original: server, parent: server })],
    ['TypeORM', Object.assign(new Error('wrapped'), { driverError: server })],
    [
      'Prisma',
      Object.assign(new Error('wrapped'), {
        code: 'P2010',
        meta: { driverAdapterError: { cause: { originalCode: '23502', column_name: 'order_id' } } },
      }),
    ],
  ])('%s', async (_, thrown) => {
    const client = { query: (text: string) => (text.includes('redeem') ? Promise.reject(thrown) : t.pool.query(text)) };
    const repository = new PromoCodeRepository(t.pool, { schema });
    await repository.list();
    const code = await newCode();
    await repository.redeem(request(code, { customerAddress: 'first' }));
    const error = await errorOf(repository.redeem(request(code), { client: client as Database as never }));
    expect(error).toMatchObject({ code: 'VALIDATION', sqlState: '23502', issues: [{ path: 'order_id' }] });
  });
});

describe('columns that have changed since they were read (H15)', () => {
  it('are read anew before an input is refused by their width', async () => {
    const repository = new PromoCodeRepository(t.pool, { schema });
    await t.sql('ALTER TABLE :"schema".promo_codes ALTER code TYPE varchar(8)');
    await repository.list();
    const long = { code: 'MUCH LONGER THAN THAT', shopId: 'shop', bonusValue: 1 };
    await t.sql('ALTER TABLE :"schema".promo_codes ALTER code TYPE text');
    // Nobody reads them for every wrong input.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await repository.create(long)).toMatchObject({ code: long.code });
  });

  it('are read anew after the server has refused an input that they were thought to hold', async () => {
    const repository = new PromoCodeRepository(t.pool, { schema });
    await repository.list();
    await t.sql('ALTER TABLE :"schema".promo_codes ALTER name TYPE varchar(3)');
    const long = { code: 'NAMED', shopId: 'shop', bonusValue: 1, name: 'longer' };
    expect(await errorOf(repository.create(long))).toMatchObject({ code: 'VALIDATION', sqlState: '22001' });
    const second = await errorOf(repository.create(long));
    expect(second).toMatchObject({ code: 'VALIDATION', issues: [{ path: 'name' }] });
    expect(second).not.toHaveProperty('sqlState');
    await t.sql('ALTER TABLE :"schema".promo_codes ALTER name TYPE text');
  });
});
