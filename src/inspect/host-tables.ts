import { NotInstalledError } from '../errors.js';
import type { Catalog, CatalogTable } from './catalog.js';
import type { TriggerOptions } from './options.js';

const WHOLE = ['smallint', 'integer', 'bigint'];
const EXACT = [...WHOLE, 'numeric'];
const TEXT = ['text', 'character varying', 'character', 'citext'];
const TIME = ['timestamp with time zone', 'timestamp without time zone'];

/** The columns that the triggers and the drift check read or write, with the types that they can count with. */
const REQUIRED: Record<'promo_codes' | 'promo_code_uses', Record<string, string[]>> = {
  promo_codes: {
    id: WHOLE,
    code: TEXT,
    shop_id: [...TEXT, ...WHOLE, 'uuid'],
    times_used: EXACT,
    total_bonus_issued: EXACT,
    updated_at: TIME,
  },
  promo_code_uses: { promo_code_id: WHOLE, bonus_amount: EXACT },
};

const REQUIRED_FOR_LIMITS: typeof REQUIRED = {
  promo_codes: { total_usage_limit: EXACT, per_customer_limit: EXACT },
  promo_code_uses: { customer_address: TEXT },
};

/** Throws a `NotInstalledError` that names every table and column that is missing or of a type that cannot serve. */
export function requireHostTables(schema: string, catalog: Catalog, options: TriggerOptions): void {
  const missing: string[] = [];
  const reasons: string[] = [];
  const note = (what: string, reason: string) => {
    missing.push(what);
    reasons.push(`${what} ${reason}`);
  };

  if (!catalog.schema) note(schema, 'is not a schema of this database');
  for (const name of ['promo_codes', 'promo_code_uses'] as const) {
    const table = catalog.tables.find((candidate) => candidate.name === name);
    const path = `${schema}.${name}`;
    if (!table) note(path, 'does not exist');
    else if (table.kind !== 'r' && table.kind !== 'p') note(path, 'is not a table');
    else {
      if (table.hasChildren) note(path, 'has inheritance children, whose rows statement triggers do not see');
      if (name === 'promo_codes' && table.kind === 'r' && !table.uniqueId)
        note(`${path}.id`, 'has no unique index of its own');
      if (name === 'promo_codes' && table.kind === 'p' && options.counterWrites !== 'allow') {
        note(
          path,
          `is partitioned, which goes with counterWrites 'allow' only: a code that changes its partition is written anew`,
        );
      }
      const required = { ...REQUIRED[name], ...(options.enforceLimits ? REQUIRED_FOR_LIMITS[name] : {}) };
      for (const [column, types] of Object.entries(required)) noteColumn(table, column, types, `${path}.${column}`);
    }
  }
  if (missing.length === 0) return;
  throw new NotInstalledError(
    `The tables that pg-promo-codes counts in are not as it needs them: ${reasons.join('; ')}. ` +
      'Nothing was changed. installSchema() creates tables where a host has none.',
    missing,
  );

  function noteColumn(table: CatalogTable, column: string, types: string[], path: string): void {
    const found = table.columns.find(({ name }) => name === column);
    if (!found) note(path, 'does not exist');
    else if (!types.includes(found.baseType)) note(path, `is ${found.type}, but must be one of: ${types.join(', ')}`);
    else if (found.generated === 'v' || (found.generated === 's' && column !== 'bonus_amount')) {
      note(path, 'is a generated column, which the triggers cannot read or write');
    } else if (/,-/.test(found.type)) note(path, `is ${found.type}, which rounds whole numbers`);
  }
}

/** How many decimal places the total can hold; infinitely many for a numeric without a scale. */
export function decimalsOfTotal({ tables }: Pick<Catalog, 'tables'>): number {
  const columns = tables.find(({ name }) => name === 'promo_codes')?.columns ?? [];
  const total = columns.find(({ name }) => name === 'total_bonus_issued');
  if (total?.baseType !== 'numeric') return 0;
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(total.type)?.[1];
  return scale === undefined ? Number.POSITIVE_INFINITY : Number(scale);
}
