import postgres from 'postgres';
import { fromPostgresJs } from '../../src/adapters/index';
import { adapterContract } from './contract';

/** As hosts set it that want numbers, and dates as texts. */
const types = {
  bigint: postgres.BigInt,
  numeric: { to: 1700, from: [700, 701, 1700], serialize: String, parse: Number },
  date: { to: 1184, from: [1082, 1114, 1184], serialize: String, parse: (text: string) => text },
};

adapterContract('postgres.js', async (url) => {
  const sql = postgres(url, { transform: postgres.camel, types, onnotice: () => {} });
  return {
    transaction: async (work, isolation) =>
      (await sql.begin(`isolation level ${isolation ?? 'read committed'}`, (tx) =>
        work({
          adapt: () => fromPostgresJs(tx),
          run: (text) => tx.unsafe(text),
        }),
      )) as never,
    close: () => sql.end(),
  };
});

adapterContract(
  'postgres.js, bare',
  async (url) => {
    const sql = postgres(url, { transform: postgres.pascal, fetch_types: false, prepare: false, onnotice: () => {} });
    return {
      transaction: async (work, isolation) =>
        (await sql.begin(`isolation level ${isolation ?? 'read committed'}`, (tx) =>
          work({ adapt: () => fromPostgresJs(tx), run: (text) => tx.unsafe(text) }),
        )) as never,
      close: () => sql.end(),
    };
  },
  { everyday: [] },
);
