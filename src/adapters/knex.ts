import type { ClientLike, QueryResultLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { hasMethods, OUTSIDE, refusal } from './refusal.js';

/** A transaction of Knex: what `knex.transaction(async (trx) => …)` hands in, also below Objection.js. */
export interface KnexTransaction {
  /** What has the connection. */
  // biome-ignore lint/suspicious/noExplicitAny: Knex types it so.
  client: any;
  /** Whether it was committed or rolled back. */
  isCompleted(): boolean;
  /** Only transactions have it. */
  commit(value?: never): unknown;
}

/** The connection that the transaction has, of node-postgres. */
interface Dialect {
  acquireConnection(): Promise<{ query(text: string, values?: unknown[]): Promise<QueryResultLike> }>;
}

const TAKEN = {
  adapter: 'fromKnex',
  argument: 'trx',
  rule: 'a transaction of Knex: the trx of knex.transaction(async (trx) => …)',
};

/**
 * A transaction of Knex as the `client` of any call: the call is a part of the transaction, and is undone when that rolls
 * back. Statements of the library go straight to the connection that Knex has for the transaction, so that
 * `postProcessResponse`, `wrapIdentifier` and question marks mean nothing to them; Knex emits no `query` event for them.
 *
 * @example
 * await knex.transaction(async (trx) => {
 *   await trx('orders').insert({ id: 4711 });
 *   await promoCodes.redeem(request, { client: fromKnex(trx) });
 * });
 *
 * @param trx the transaction; the same one gives the same client
 * @throws ValidationError where it is none, such as the `knex` that it was begun with
 */
export function fromKnex(trx: KnexTransaction): ClientLike {
  if (!hasMethods(trx, 'isCompleted', 'commit')) {
    const isKnex = hasMethods(trx, 'raw', 'transaction');
    throw refusal(TAKEN, trx, isKnex ? OUTSIDE : undefined);
  }
  if (!hasMethods(trx.client, 'acquireConnection')) throw refusal(TAKEN, trx);
  return clientOf(trx, () => ({
    name: 'This transaction of Knex',
    hasEnded: () => trx.isCompleted(),
    async run(text, values) {
      // In a transaction this is the one connection that it has, which it keeps.
      const connection = await (trx.client as Dialect).acquireConnection();
      const result = await connection.query(text, values);
      return toResult(result, result.rowCount);
    },
  }));
}
