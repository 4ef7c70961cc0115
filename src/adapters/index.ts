/**
 * Makes a transaction of another library the `client` of a call: `redeem(request, { client: fromKysely(trx) })`.
 *
 * @module pg-promo-codes/adapters
 */
export type { ClientLike, ConnectionPool } from '../postgres/database.js';
export { type DrizzleSql, type DrizzleTransaction, fromDrizzle } from './drizzle.js';
export { fromKnex, type KnexTransaction } from './knex.js';
export { fromKysely, type KyselyAnswer, type KyselyExecutor, type KyselyTransaction } from './kysely.js';
export { fromMikroOrm, type MikroOrmEntityManager } from './mikro-orm.js';
export { fromPglite, type PgliteAnswer, type PgliteRunner, type PgliteTransaction } from './pglite.js';
export { type Pglite, type PglitePoolOptions, poolFromPglite } from './pglite-pool.js';
export { fromPostgresJs, type PostgresJsTransaction } from './postgres-js.js';
export { type PostgresJs, poolFromPostgresJs } from './postgres-js-pool.js';
export { fromPrisma, type PrismaTransaction } from './prisma.js';
export { fromSequelize, type SequelizeInstance, type SequelizeTransaction } from './sequelize.js';
export { fromTypeOrm, type TypeOrmManager, type TypeOrmQueryRunner } from './typeorm.js';
