import type { ClientLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { fieldOf, hasMethods, refusal } from './refusal.js';

/** A `QueryRunner` of TypeORM. */
export interface TypeOrmQueryRunner {
  /** Whether a transaction is open on it. */
  readonly isTransactionActive: boolean;
  /** Runs a statement. */
  query(text: string, values: unknown[] | undefined, useStructuredResult: true): Promise<unknown>;
}

/** An `EntityManager` of TypeORM: what `dataSource.transaction(async (manager) => …)` hands in. */
export interface TypeOrmManager {
  /** The connection of the transaction; none outside of one. */
  readonly queryRunner?: TypeOrmQueryRunner | undefined;
}

const TAKEN = {
  adapter: 'fromTypeOrm',
  argument: 'manager',
  rule:
    'the EntityManager of a transaction of TypeORM, which dataSource.transaction(async (manager) => …) hands in, or a ' +
    'QueryRunner after its startTransaction()',
};

/**
 * A transaction of TypeORM as the `client` of any call: the call is a part of the transaction, and is undone when that rolls
 * back.
 *
 * @example
 * await dataSource.transaction(async (manager) => {
 *   await manager.save(Order, { id: 4711 });
 *   await promoCodes.redeem(request, { client: fromTypeOrm(manager) });
 * });
 *
 * @param manager the manager of the transaction, or its query runner; the same one gives the same client
 * @throws ValidationError where no transaction is open on it, such as `dataSource.manager`
 */
export function fromTypeOrm(manager: TypeOrmManager | TypeOrmQueryRunner): ClientLike {
  const runner = runnerOf(manager);
  if (!runner) {
    const isManager = hasMethods(manager, 'getRepository');
    throw refusal(
      TAKEN,
      manager,
      isManager ? 'this is not in one, so its statements would run outside of your transaction' : undefined,
    );
  }
  if (runner.isTransactionActive !== true) {
    throw refusal(TAKEN, manager, 'no transaction is open on this one');
  }
  return clientOf(runner, () => ({
    name: 'This transaction of TypeORM',
    hasEnded: () => runner.isTransactionActive !== true,
    async run(text, values) {
      // Without `true` an array comes back.
      const { records, affected } = (await runner.query(text, values, true)) as Structured;
      return toResult(records, affected);
    },
  }));
}

interface Structured {
  records?: unknown[];
  affected?: number | null;
}

function runnerOf(manager: TypeOrmManager | TypeOrmQueryRunner): TypeOrmQueryRunner | undefined {
  const runner = fieldOf(manager, 'queryRunner') ?? manager;
  return hasMethods(runner, 'query', 'startTransaction') ? (runner as TypeOrmQueryRunner) : undefined;
}
