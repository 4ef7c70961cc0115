// In the place of what `prisma generate` writes: the part of it that the example uses.
import type { PrismaPg } from '@prisma/adapter-pg';
import type { Types } from '@prisma/client/runtime/client';

export interface TransactionClient {
  $executeRaw(query: TemplateStringsArray, ...values: unknown[]): Types.Public.PrismaPromise<number>;
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Types.Public.PrismaPromise<T>;
}

export declare class PrismaClient {
  constructor(options: { adapter: PrismaPg });
  $transaction<R>(work: (tx: TransactionClient) => Promise<R>): Promise<R>;
  $disconnect(): Promise<void>;
}
