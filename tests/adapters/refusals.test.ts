import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knexOf from 'knex';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as adapters from '../../src/adapters/index';
import { PromoCodeRepository, ValidationError } from '../../src/index';
import { useRepository } from '../support/repository';
import { newPrismaClient } from './prisma-client';

const t = useRepository('refused transactions');
const pool = new pg.Pool({ connectionString: t.url });
pool.on('error', () => {});
const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
const db = drizzle(pool);
const knex = knexOf({ client: 'pg', connection: t.url });
const dataSource = new DataSource({ type: 'postgres', url: t.url });
const sequelize = new Sequelize(t.url, { logging: false });
const postgresJs = postgres(t.url);
const prisma = newPrismaClient(t.url);
const Order = new EntitySchema({ name: 'Order', properties: { id: { type: 'number', primary: true } } });
const orm = MikroORM.init({ clientUrl: t.url, entities: [Order] });

beforeAll(() => dataSource.initialize());
afterAll(async () => {
  await Promise.all([knex.destroy(), dataSource.destroy(), sequelize.close(), postgresJs.end(), prisma.$disconnect()]);
  await Promise.all([orm.then((made) => made.close()), pool.end()]);
});

/** Calls an adapter as JavaScript does. */
function refusalOf(adapter: keyof typeof adapters, ...given: unknown[]): ValidationError {
  try {
    const call = Object.entries(adapters).find(([name]) => name === adapter)![1];
    (call as (...values: unknown[]) => unknown)(...given);
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

const OUTSIDE =
  /outside of your transaction|outside of yours|another connection|no transaction is open|outside of a transaction/;

describe('where a transaction is asked for', () => {
  it.each<[keyof typeof adapters, () => unknown[] | Promise<unknown[]>]>([
    ['fromKysely', () => [kysely]],
    ['fromDrizzle', () => [db, sql]],
    ['fromKnex', () => [knex]],
    ['fromTypeOrm', () => [dataSource.manager]],
    ['fromTypeOrm', () => [dataSource.createQueryRunner()]],
    ['fromSequelize', () => [sequelize]],
    ['fromPostgresJs', () => [postgresJs]],
    ['fromPrisma', () => [prisma]],
    ['fromMikroOrm', async () => [(await orm).em.fork()]],
  ])('%s refuses what it is begun with', async (adapter, given) => {
    const { message, issues } = refusalOf(adapter, ...(await given()));
    expect(message).toContain(`${adapter}() takes`);
    expect(message).toMatch(OUTSIDE);
    expect(issues[0]?.received).toBeDefined();
  });

  it.each(Object.keys(adapters) as (keyof typeof adapters)[])('%s refuses everything else', (adapter) => {
    const proxy = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no');
        },
        has: () => {
          throw new Error('no');
        },
      },
    );
    for (const wrong of [undefined, null, 'postgres://u:secret@h/d', 1, {}, [], () => undefined, proxy, pool]) {
      const { message, issues } = refusalOf(adapter, wrong);
      expect(message).toContain(`${adapter}() takes`);
      expect(issues[0]?.received).toBeDefined();
      expect(message).not.toContain('secret');
    }
  });

  it('fromDrizzle names the sql that it needs', async () => {
    await db.transaction(async (tx) => {
      expect(refusalOf('fromDrizzle', tx).message).toMatch(/^sql: .*import \{ sql \} from 'drizzle-orm'.*undefined/);
    });
  });

  it('fromSequelize names the other argument where it is missing', async () => {
    expect(refusalOf('fromSequelize', { commit() {}, rollback() {} }).message).toContain(
      'fromSequelize(sequelize, transaction)',
    );
    expect(refusalOf('fromSequelize', sequelize, {}).message).toContain('an object without fields');
  });
});

describe('where a pool is asked for', () => {
  it('a transaction is refused, with what it is for', async () => {
    await postgresJs.begin(async (tx) => {
      expect(refusalOf('poolFromPostgresJs', tx).message).toContain('{ client: fromPostgresJs(sql) }');
    });
  });
});

describe('after its end', () => {
  it.each<[string, () => Promise<adapters.ClientLike>]>([
    ['Knex', () => knex.transaction(async (trx) => adapters.fromKnex(trx))],
    ['TypeORM', () => dataSource.transaction(async (manager) => adapters.fromTypeOrm(manager))],
    ['Sequelize', () => sequelize.transaction(async (transaction) => adapters.fromSequelize(transaction))],
  ])('a transaction of %s takes no call', async (_, finished) => {
    const code = await t.newCode();
    const client = await finished();
    await expect(t.repository.redeem(t.request(code), { client })).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 0 });
  });

  it.each<[string, () => Promise<adapters.ClientLike>]>([
    ['Kysely', () => kysely.transaction().execute(async (trx) => adapters.fromKysely(trx))],
    ['Prisma', () => prisma.$transaction(async (tx) => adapters.fromPrisma(tx))],
  ])('%s refuses it itself', async (_, finished) => {
    const code = await t.newCode();
    const client = await finished();
    await expect(t.repository.redeem(t.request(code), { client })).rejects.toBeInstanceOf(Error);
    expect(await t.counts(code)).toMatchObject({ timesUsed: 0 });
  });
});

describe('in the place of a client', () => {
  it('what never answers is not waited for longer than a call may take', async () => {
    const hasty = new PromoCodeRepository(t.pool, { schema: t.schema, deadlineMs: 100 });
    const client = { query: () => new Promise<never>(() => {}) };
    await expect(hasty.list({}, { client })).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it.each<[string, () => unknown]>([
    ['fromKysely', () => kysely],
    ['fromDrizzle', () => db],
    ['fromKnex', () => knex],
    ['fromTypeOrm', () => dataSource.manager],
    ['fromTypeOrm', () => dataSource.createQueryRunner()],
    ['fromSequelize', () => sequelize],
    ['fromPostgresJs', () => postgresJs],
    ['fromPrisma', () => prisma],
  ])('the library itself is refused with %s', async (adapter, given) => {
    const code = await t.newCode();
    const error = await t.repository.redeem(t.request(code), { client: given() as never }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.message).toContain(`${adapter}(`);
    expect(error.message).toContain('pg-promo-codes/adapters');
    expect(await t.counts(code)).toMatchObject({ timesUsed: 0 });
  });
});
