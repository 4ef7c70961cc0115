import type { ClientLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { hasMethods, OUTSIDE, refusal } from './refusal.js';
import { parametersOf } from './statements.js';

/** A transaction of Drizzle on PostgreSQL, whatever the driver: what `db.transaction(async (tx) => …)` hands in. */
export interface DrizzleTransaction {
  /** Runs SQL. */
  execute(query: never): PromiseLike<unknown>;
  /** Only transactions have it. */
  rollback(): unknown;
}

/** `sql` of `drizzle-orm`. */
export interface DrizzleSql {
  /** SQL as it is. */
  raw(text: string): unknown;
  /** A value. */
  param(value: never): unknown;
  /** Several of them, one after the other. */
  join(chunks: never): unknown;
}

interface UsedSql {
  raw(text: string): unknown;
  param(value: unknown): unknown;
  join(chunks: unknown[]): unknown;
}

const TAKEN = {
  adapter: 'fromDrizzle',
  argument: 'tx',
  rule: 'a transaction of Drizzle and its sql: fromDrizzle(tx, sql) with the tx of db.transaction(async (tx) => …)',
};

/**
 * A transaction of Drizzle as the `client` of any call: the call is a part of the transaction, and is undone when that rolls
 * back. Drizzle writes statements with its own `sql`, so that is handed in.
 *
 * @example
 * import { sql } from 'drizzle-orm';
 *
 * await db.transaction(async (tx) => {
 *   await tx.insert(orders).values({ id: 4711 });
 *   await promoCodes.redeem(request, { client: fromDrizzle(tx, sql) });
 * });
 *
 * @param tx the transaction; the same one gives the same client
 * @param sql what `drizzle-orm` exports under this name
 * @throws ValidationError where it is no transaction, such as the `db` that it was begun with
 */
export function fromDrizzle(tx: DrizzleTransaction, sql: DrizzleSql): ClientLike {
  if (!hasMethods(tx, 'execute')) throw refusal(TAKEN, tx);
  if (!hasMethods(tx, 'rollback')) {
    throw refusal(TAKEN, tx, OUTSIDE);
  }
  if (!hasMethods(sql, 'raw', 'param', 'join')) {
    throw refusal({ ...TAKEN, argument: 'sql' }, sql, "import { sql } from 'drizzle-orm'");
  }
  return clientOf(tx, () => ({
    name: 'This transaction of Drizzle',
    async run(text, values) {
      const answer = await tx.execute(toQuery(sql as unknown as UsedSql, text, values) as never);
      return toResult(answer, countOf(answer));
    },
  }));
}

/** Drizzle numbers parameters by itself, in the order in which they stand. */
function toQuery(sql: UsedSql, text: string, values: unknown[]): unknown {
  if (values.length === 0) return sql.raw(text);
  const { between, numbers } = parametersOf(text);
  const chunks = between.flatMap((part, place) =>
    place === 0 ? [sql.raw(part)] : [sql.param(values[numbers[place - 1]! - 1]), sql.raw(part)],
  );
  return sql.join(chunks);
}

/** node-postgres says `rowCount`, postgres.js `count`, PGlite `affectedRows`, which is 0 for what was only read. */
function countOf(answer: unknown): number | undefined {
  const { rowCount, count, affectedRows } = (answer ?? {}) as Record<string, unknown>;
  return [rowCount, count, affectedRows || undefined].find((value) => typeof value === 'number');
}
