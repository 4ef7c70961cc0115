import type { ClientLike } from '../postgres/database.js';
import { fromKnex, type KnexTransaction } from './knex.js';
import { fromKysely, type KyselyTransaction } from './kysely.js';
import { hasMethods, refusal } from './refusal.js';

/** An `EntityManager` of MikroORM: what `em.transactional(async (em) => …)` hands in. */
export interface MikroOrmEntityManager {
  /** The transaction below; none outside of one. */
  getTransactionContext(): unknown;
}

const TAKEN = {
  adapter: 'fromMikroOrm',
  argument: 'em',
  rule: 'the EntityManager of a transaction of MikroORM, which em.transactional(async (em) => …) hands in',
};

/**
 * A transaction of MikroORM as the `client` of any call: the call is a part of the transaction, and is undone when that
 * rolls back. Goes through what MikroORM has below the `EntityManager` (Kysely in version 7, Knex in 6), so what that has
 * not flushed yet is not in the database either: where the call needs it, `await em.flush()` first.
 *
 * @example
 * await orm.em.transactional(async (em) => {
 *   em.create(Order, { id: 4711 });
 *   await promoCodes.redeem(request, { client: fromMikroOrm(em) });
 * });
 *
 * @param em the `EntityManager` of the transaction; the same transaction gives the same client
 * @throws ValidationError where no transaction is open on it
 */
export function fromMikroOrm(em: MikroOrmEntityManager): ClientLike {
  if (!hasMethods(em, 'getTransactionContext')) throw refusal(TAKEN, em);
  const transaction = em.getTransactionContext();
  if (hasMethods(transaction, 'executeQuery', 'withoutPlugins')) return fromKysely(transaction as KyselyTransaction);
  if (hasMethods(transaction, 'isCompleted', 'raw')) return fromKnex(transaction as KnexTransaction);
  throw refusal(
    TAKEN,
    em,
    transaction === undefined
      ? 'no transaction is open on this one, so its statements would run outside of yours'
      : 'its transaction is not one of PostgreSQL',
  );
}
