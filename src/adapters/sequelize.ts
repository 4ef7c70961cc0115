import type { ClientLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { hasMethods, refusal } from './refusal.js';

/** A managed or unmanaged transaction of Sequelize 6. */
export interface SequelizeTransaction {
  /** Only transactions have it. */
  commit(): Promise<unknown>;
  /** Only transactions have it. */
  rollback(): Promise<unknown>;
}

/** The `Sequelize` that a transaction is of. */
export interface SequelizeInstance {
  /** Runs a statement. */
  query(text: string, options: never): Promise<unknown>;
  /** Only Sequelize has it. */
  getQueryInterface(): unknown;
}

interface UsedInstance {
  query(text: string, options: object): Promise<[rows: unknown, result: unknown]>;
}

const TAKEN = {
  adapter: 'fromSequelize',
  argument: 'transaction',
  rule:
    'a transaction of Sequelize, or Sequelize and its transaction: fromSequelize(transaction) with the transaction of ' +
    'sequelize.transaction(async (transaction) => …)',
};

/**
 * A transaction of Sequelize as the `client` of any call: the call is a part of the transaction, and is undone when that
 * rolls back.
 *
 * @example
 * await sequelize.transaction(async (transaction) => {
 *   await Order.create({ id: 4711 }, { transaction });
 *   await promoCodes.redeem(request, { client: fromSequelize(transaction) });
 * });
 *
 * @param transaction the transaction; the same one gives the same client
 * @throws ValidationError where it is none, such as `sequelize` alone
 */
export function fromSequelize(transaction: SequelizeTransaction): ClientLike;
/**
 * The same, where the transaction does not say which `Sequelize` it is of.
 *
 * @example
 * await promoCodes.redeem(request, { client: fromSequelize(sequelize, transaction) });
 */
export function fromSequelize(sequelize: SequelizeInstance, transaction: SequelizeTransaction): ClientLike;
export function fromSequelize(
  first: SequelizeTransaction | SequelizeInstance,
  second?: SequelizeTransaction,
): ClientLike {
  const isInstance = hasMethods(first, 'query', 'getQueryInterface');
  const transaction = isInstance ? second : first;
  if (!hasMethods(transaction, 'commit', 'rollback')) {
    const isAlone = isInstance && second === undefined;
    throw isAlone
      ? refusal(TAKEN, first, 'Sequelize alone would run statements outside of your transaction')
      : refusal(TAKEN, transaction);
  }
  const of = transaction as SequelizeTransaction & { sequelize?: unknown; finished?: unknown };
  const sequelize = isInstance ? first : of.sequelize;
  if (!hasMethods(sequelize, 'query')) {
    throw refusal(
      TAKEN,
      transaction,
      'this one does not say of which Sequelize it is: fromSequelize(sequelize, transaction)',
    );
  }
  return clientOf(of, () => ({
    name: 'This transaction of Sequelize',
    // 'commit' or 'rollback', once it is over.
    hasEnded: () => Boolean(of.finished),
    async run(text, values) {
      const bind = values.length > 0 ? { bind: values } : {};
      const [rows, result] = await (sequelize as UsedInstance).query(text, { transaction: of, raw: true, ...bind });
      return toResult(rows, (result as { rowCount?: number | null } | undefined)?.rowCount);
    },
  }));
}
