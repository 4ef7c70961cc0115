import type { ClientLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { hasMethods, OUTSIDE, refusal } from './refusal.js';

/** A transaction of Kysely: what `db.transaction().execute(async (trx) => …)` hands in, or `db.startTransaction()` gives. */
export interface KyselyTransaction {
  /** Whether it is one. */
  readonly isTransaction: boolean;
  /** The same one, whose statements no plugin changes. */
  withoutPlugins(): KyselyExecutor;
}

/** What runs statements in Kysely. */
export interface KyselyExecutor {
  /** Runs a compiled query. */
  executeQuery(query: never): Promise<KyselyAnswer>;
}

/** What comes back. */
export interface KyselyAnswer {
  /** An object for each row. */
  rows: unknown[];
  /** How many rows were written. */
  numAffectedRows?: bigint;
}

type Executor = { executeQuery(query: object): Promise<KyselyAnswer> };

const TAKEN = {
  adapter: 'fromKysely',
  argument: 'trx',
  rule: 'a transaction of Kysely: the trx of db.transaction().execute(async (trx) => …)',
};

/**
 * A transaction of Kysely as the `client` of any call: the call is a part of the transaction, and is undone when that rolls
 * back. Plugins such as `CamelCasePlugin` are left out for the statements of the library.
 *
 * @example
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto('orders').values({ id: 4711 }).execute();
 *   await promoCodes.redeem(request, { client: fromKysely(trx) });
 * });
 *
 * @param trx the transaction; the same one gives the same client
 * @throws ValidationError where it is none, such as the `Kysely` that it was begun with
 */
export function fromKysely(trx: KyselyTransaction): ClientLike {
  if (!hasMethods(trx, 'withoutPlugins')) throw refusal(TAKEN, trx);
  if (trx.isTransaction !== true) {
    throw refusal(TAKEN, trx, OUTSIDE);
  }
  return clientOf(trx, () => {
    const executor = trx.withoutPlugins() as unknown as Executor;
    return {
      name: 'This transaction of Kysely',
      async run(text, values) {
        serial += 1;
        const query = { kind: 'RawNode', sqlFragments: [text], parameters: [] };
        const queryId = { queryId: `pg-promo-codes-${serial}` };
        const { rows, numAffectedRows } = await executor.executeQuery({
          sql: text,
          parameters: values,
          query,
          queryId,
        });
        return toResult(rows, numAffectedRows);
      },
    };
  });
}

let serial = 0;
