import { fromPrisma } from '../../src/adapters/index';
import { adapterContract } from './contract';
import { newPrismaClient } from './prisma-client';

adapterContract('Prisma', async (url) => {
  const prisma = newPrismaClient(url);
  return {
    transaction: (work, isolation) =>
      prisma.$transaction(
        (tx) =>
          work({
            adapt: () => fromPrisma(tx),
            run: (text) => tx.$executeRawUnsafe(text),
          }),
        { isolationLevel: isolation === 'repeatable read' ? 'RepeatableRead' : 'ReadCommitted', timeout: 20_000 },
      ),
    close: () => prisma.$disconnect(),
  };
});
