import type { ClientLike } from '../postgres/database.js';
import { clientOf, toResult } from './client.js';
import { hasMethods, OUTSIDE, refusal } from './refusal.js';

/** An interactive transaction of Prisma: what `prisma.$transaction(async (tx) => …)` hands in. */
export interface PrismaTransaction {
  /** Runs a statement, and gives its rows. */
  // biome-ignore lint/suspicious/noExplicitAny: as Prisma types it.
  $queryRawUnsafe(text: string, ...values: any[]): PromiseLike<unknown>;
}

const TAKEN = {
  adapter: 'fromPrisma',
  argument: 'tx',
  rule: 'an interactive transaction of Prisma: the tx of prisma.$transaction(async (tx) => …)',
};

/**
 * An interactive transaction of Prisma as the `client` of any call: the call is a part of the transaction, and is undone
 * when that rolls back. Prisma ends a transaction after its `timeout`, which is 5 seconds where it is not set.
 *
 * @example
 * await prisma.$transaction(async (tx) => {
 *   await tx.order.create({ data: { id: 4711 } });
 *   await promoCodes.redeem(request, { client: fromPrisma(tx) });
 * });
 *
 * @param tx the transaction; the same one gives the same client
 * @throws ValidationError where it is none, such as the `PrismaClient` that it was begun with
 */
export function fromPrisma(tx: PrismaTransaction): ClientLike {
  if (!hasMethods(tx, '$queryRawUnsafe')) throw refusal(TAKEN, tx);
  if (hasMethods(tx, '$connect')) {
    throw refusal(TAKEN, tx, OUTSIDE);
  }
  return clientOf(tx, () => ({
    name: 'This transaction of Prisma',
    run: async (text, values) => toResult(await tx.$queryRawUnsafe(text, ...values)),
  }));
}
