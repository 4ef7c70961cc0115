/** Another library's transaction in the place of a client. */
export interface OtherLibrary {
  /** What it looks like, for a person to read. */
  name: string;
  /** An object with the `query` of node-postgres that runs in this transaction, as source text. */
  client: string;
}

/** By methods that only they have; the first that fits. */
const LIBRARIES: (OtherLibrary & { has: string[] })[] = [
  {
    name: 'a transaction of Prisma',
    has: ['$queryRawUnsafe'],
    client:
      '{ query: async (text, values = []) => ({ rows: await tx.$queryRawUnsafe(text, ...values), rowCount: null }) }',
  },
  {
    name: 'a transaction of Kysely',
    has: ['executeQuery', 'selectFrom'],
    client:
      '{ query: (text, values = []) => trx.executeQuery(CompiledQuery.raw(text, values)).then(({ rows, numAffectedRows }) => ({ rows, rowCount: Number(numAffectedRows ?? rows.length) })) }',
  },
  {
    name: 'an EntityManager or a DataSource of TypeORM',
    has: ['getRepository', 'query'],
    client:
      '{ query: (text, values) => manager.queryRunner.query(text, values, true).then(({ records, affected }) => ({ rows: records, rowCount: affected })) }',
  },
  {
    name: 'a QueryRunner of TypeORM',
    has: ['startTransaction', 'releaseTransaction'],
    client:
      'the manager of it, wrapped: { query: (text, values) => runner.query(text, values, true).then(({ records, affected }) => ({ rows: records, rowCount: affected })) }',
  },
  {
    name: 'Sequelize',
    has: ['getQueryInterface'],
    client:
      '{ query: (text, bind) => sequelize.query(text, { bind, transaction, raw: true }).then(([rows]) => ({ rows, rowCount: rows.length })) }',
  },
  {
    name: 'an EntityManager of MikroORM',
    has: ['getKnex', 'flush'],
    client: 'the client that its connection holds',
  },
  {
    name: 'an EntityManager of MikroORM',
    has: ['getTransactionContext', 'flush'],
    client: 'the Kysely of its transaction, wrapped as an object with query(text, values)',
  },
  {
    name: 'a transaction of Knex',
    has: ['raw', 'commit'],
    client:
      '{ query: (text, values) => client.query(text, values) } with client = await trx.client.acquireConnection() of that transaction',
  },
  {
    name: 'Knex',
    has: ['raw', 'schema'],
    client: 'the client of a transaction',
  },
  {
    name: 'a transaction of postgres.js',
    has: ['unsafe', 'savepoint'],
    client:
      '{ query: (text, values = []) => sql.unsafe(text, values).then((rows) => ({ rows: [...rows], rowCount: rows.count })) }',
  },
  {
    name: 'postgres.js',
    has: ['unsafe', 'begin'],
    client:
      'the sql of a transaction, wrapped: { query: (text, values = []) => sql.unsafe(text, values).then((rows) => ({ rows: [...rows], rowCount: rows.count })) }',
  },
  {
    name: 'a transaction of Drizzle',
    has: ['execute', 'select', 'insert'],
    client: 'the client of node-postgres that the transaction runs on',
  },
];

/** Which library a value is of, where its methods say so. */
export function libraryOf(value: unknown): OtherLibrary | undefined {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
  try {
    return LIBRARIES.find(({ has }) => has.every((name) => name in (value as object)));
  } catch {
    // A proxy that refuses to be looked at.
    return undefined;
  }
}
