import knexOf from 'knex';
import { fromKnex } from '../../src/adapters/index';
import { camelCase, parsers } from './adapted';
import { adapterContract } from './contract';

/** As hosts write it that want their rows in camel case. */
function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [camelCase(name), renamed(field)]));
}

adapterContract(
  'Knex',
  async (url) => {
    const knex = knexOf({
      client: 'pg',
      connection: { connectionString: url, types: parsers } as object,
      postProcessResponse: renamed,
      wrapIdentifier: (name, quote) => quote(name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
    });
    return {
      transaction: (work, isolationLevel) =>
        knex.transaction(
          (trx) =>
            work({
              adapt: () => fromKnex(trx),
              run: async (text) => trx.raw(text.replaceAll('?', '\\?')),
            }),
          isolationLevel && { isolationLevel },
        ),
      close: () => knex.destroy(),
    };
  },
  { everyday: ['redeeming'] },
);
