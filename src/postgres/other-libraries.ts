/** Something of another library in the place of a client. */
export interface OtherLibrary {
  /** What it looks like, for a person to read. */
  name: string;
  /** What makes a client of it, or of what has to be passed in its place, as source text. */
  client: string;
}

/** A library, and methods that only it has. */
interface Known extends OtherLibrary {
  has: string[];
}

const PGLITE: Known = {
  name: 'PGlite',
  has: ['query', 'exec', 'execProtocol'],
  client: 'fromPglite(tx) with the tx of db.transaction(async (tx) => …)',
};

/** The first that fits is the one. */
const LIBRARIES: Known[] = [
  {
    name: 'a PrismaClient',
    has: ['$queryRawUnsafe', '$connect'],
    client: 'fromPrisma(tx) with the tx of prisma.$transaction(async (tx) => …)',
  },
  { name: 'a transaction of Prisma', has: ['$queryRawUnsafe'], client: 'fromPrisma(tx)' },
  { name: 'Kysely', has: ['executeQuery', 'selectFrom'], client: 'fromKysely(trx) with the trx of db.transaction()' },
  {
    name: 'an EntityManager or a DataSource of TypeORM',
    has: ['getRepository', 'query'],
    client: 'fromTypeOrm(manager) with the manager of dataSource.transaction(async (manager) => …)',
  },
  {
    name: 'a QueryRunner of TypeORM',
    has: ['startTransaction', 'releaseTransaction'],
    client: 'fromTypeOrm(queryRunner)',
  },
  {
    name: 'a QueryRunner of TypeORM',
    has: ['startTransaction', 'commitTransaction'],
    client: 'fromTypeOrm(queryRunner)',
  },
  {
    name: 'Sequelize',
    has: ['getQueryInterface'],
    client: 'fromSequelize(transaction) with the transaction of sequelize.transaction(async (transaction) => …)',
  },
  {
    name: 'a transaction of Sequelize',
    has: ['prepareEnvironment', 'afterCommit'],
    client: 'fromSequelize(transaction)',
  },
  { name: 'an EntityManager of MikroORM', has: ['getTransactionContext', 'flush'], client: 'fromMikroOrm(em)' },
  { name: 'a transaction of Knex', has: ['raw', 'commit'], client: 'fromKnex(trx)' },
  {
    name: 'Knex',
    has: ['raw', 'schema'],
    client: 'fromKnex(trx) with the trx of knex.transaction(async (trx) => …)',
  },
  {
    name: 'Knex',
    has: ['raw', 'transaction'],
    client: 'fromKnex(trx) with the trx of knex.transaction(async (trx) => …)',
  },
  { name: 'a transaction of postgres.js', has: ['unsafe', 'savepoint'], client: 'fromPostgresJs(sql)' },
  {
    name: 'postgres.js',
    has: ['unsafe', 'begin'],
    client: 'fromPostgresJs(sql) with the sql of sql.begin(async (sql) => …)',
  },
  {
    name: 'a transaction of Drizzle',
    has: ['execute', 'select', 'insert', 'rollback'],
    client: 'fromDrizzle(tx, sql)',
  },
  {
    name: 'Drizzle',
    has: ['execute', 'select', 'insert'],
    client: 'fromDrizzle(tx, sql) with the tx of db.transaction(async (tx) => …)',
  },
  PGLITE,
  { name: 'a transaction of PGlite', has: ['query', 'exec', 'rollback'], client: 'fromPglite(tx)' },
];

/**
 * Whether this is a PGlite database. It answers as a client does, but its statements are kept waiting by a transaction that
 * is open, and get into one that others have begun by a statement.
 */
export function isPglite(value: object): boolean {
  return fits(PGLITE, value);
}

/** Where `client` of a library comes from. */
export const ADAPTERS = "of 'pg-promo-codes/adapters'";

/** Which library a value is of, where its methods say so. */
export function libraryOf(value: unknown): OtherLibrary | undefined {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
  return LIBRARIES.find((library) => fits(library, value));
}

function fits({ has }: Known, value: object): boolean {
  try {
    return has.every((name) => isMethod(value, name));
  } catch {
    // A proxy that refuses to be looked at.
    return false;
  }
}

/** Prisma's transactions have the names of what they have not. */
function isMethod(value: object, name: string): boolean {
  return name in value && (value as Record<string, unknown>)[name] !== undefined;
}
