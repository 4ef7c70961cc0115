import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient, type Types } from '@prisma/client/runtime/client';

const RUNTIME = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';

/**
 * What `prisma generate` (7.10) writes for a schema without models, without its types: the program itself would bring 200 MB
 * of packages along.
 */
const Client = getPrismaClient({
  previewFeatures: [],
  clientVersion: '7.10.0',
  engineVersion: 'd1b3f377ca835d73fd50954a5e22128b9ebdd6b8',
  activeProvider: 'postgresql',
  inlineSchema:
    'generator client {\n  provider = "prisma-client"\n}\n\ndatasource db {\n  provider = "postgresql"\n}\n',
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  parameterizationSchema: { strings: [], graph: 'AAAA' },
  compilerWasm: {
    getRuntime: () => import(`${RUNTIME}.mjs`),
    getQueryCompilerWasmModule: async () => {
      const { wasm } = await import(`${RUNTIME}.wasm-base64.mjs`);
      const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Buffer) => object } })
        .WebAssembly;
      return new Module(Buffer.from(wasm, 'base64'));
    },
    importName: './query_compiler_fast_bg.js',
  },
} as never);

/** As it is typed in a generated client. */
interface PrismaTransactionClient {
  $queryRawUnsafe<T = unknown>(
    query: string,
    // biome-ignore lint/suspicious/noExplicitAny: as Prisma types it.
    ...values: any[]
  ): Types.Public.PrismaPromise<T>;
  // biome-ignore lint/suspicious/noExplicitAny: as Prisma types it.
  $executeRawUnsafe(query: string, ...values: any[]): Types.Public.PrismaPromise<number>;
}

export interface PrismaClient extends PrismaTransactionClient {
  $transaction<R>(
    work: (tx: PrismaTransactionClient) => Promise<R>,
    options?: { isolationLevel?: 'ReadCommitted' | 'RepeatableRead'; timeout?: number },
  ): Promise<R>;
  $disconnect(): Promise<void>;
}

/** What an example imports. */
export { Client as PrismaClient };

export function newPrismaClient(connectionString: string): PrismaClient {
  return new (Client as never as new (options: object) => PrismaClient)({
    adapter: new PrismaPg({ connectionString }),
  });
}
