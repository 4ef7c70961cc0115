// The adapters as hosts use them, whatever version of their library they have: it need not be there to compile this. That the
// types of the libraries themselves fit, the tests in tests/adapters show.
import { type ClientLike, type ConnectionPool, checkDrift, PromoCodeRepository } from 'pg-promo-codes';
import {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromMikroOrm,
  fromPglite,
  fromPostgresJs,
  fromPrisma,
  fromSequelize,
  fromTypeOrm,
  type KyselyTransaction,
  poolFromPglite,
  poolFromPostgresJs,
} from 'pg-promo-codes/adapters';

type Rows = { rows: Record<string, unknown>[] };

declare const trx: KyselyTransaction & { selectFrom(table: string): unknown };
declare const tx: { execute<T>(query: { getSQL(): object } | string): Promise<T[]>; rollback(): never };
declare const sql: {
  (strings: TemplateStringsArray, ...values: unknown[]): object;
  raw(text: string): object;
  param<T>(value: T, encoder?: object): object;
  join(chunks: object[], separator?: object): object;
};
declare const knexTransaction: {
  (table: string): object;
  client: unknown;
  isCompleted(): boolean;
  commit(value?: string): object;
};
declare const prismaTransaction: { $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T> };
declare const manager: {
  queryRunner?: {
    isTransactionActive: boolean;
    query(text: string, values: unknown[] | undefined, useStructuredResult: true): Promise<{ records: unknown[] }>;
  };
};
declare const sequelize: {
  query(text: string, options?: { raw?: true }): Promise<[unknown[], unknown]>;
  getQueryInterface(): object;
};
declare const transaction: { commit(): Promise<void>; rollback(): Promise<void> };
declare const em: { getTransactionContext<T extends object>(): T | undefined };
declare const postgresTransaction: { unsafe(query: string, values?: (string | null)[]): Promise<object[]> };
declare const postgres: typeof postgresTransaction & {
  begin<T>(work: (sql: object) => Promise<T>): Promise<T>;
  begin<T>(options: string, work: (sql: object) => Promise<T>): Promise<T>;
};
declare const pgliteTransaction: {
  query<T>(text: string, values?: unknown[]): Promise<{ rows: T[]; affectedRows?: number }>;
  exec(text: string): Promise<Rows[]>;
  rollback(): Promise<void>;
  readonly closed: boolean;
};
declare const pglite: Pick<typeof pgliteTransaction, 'query' | 'exec'> & {
  transaction<T>(work: (tx: typeof pgliteTransaction) => Promise<T>): Promise<T>;
};

export const clients: ClientLike[] = [
  fromKysely(trx),
  fromDrizzle(tx, sql),
  fromKnex(knexTransaction),
  fromPrisma(prismaTransaction),
  fromTypeOrm(manager),
  fromSequelize(transaction),
  fromSequelize(sequelize, transaction),
  fromMikroOrm(em),
  fromPostgresJs(postgresTransaction),
  fromPglite(pgliteTransaction),
];
export const pools: ConnectionPool[] = [poolFromPostgresJs(postgres), poolFromPglite(pglite)];

export async function use(repository: PromoCodeRepository): Promise<void> {
  for (const client of clients) {
    await repository.findById('1', { client });
    await checkDrift(client);
  }
  for (const pool of pools) new PromoCodeRepository(pool);
}
