import { SEED_TABLES, SEED_TRIGGERS } from '../tests/support/host-tables.js';
import { library } from './library.js';
import type { Role } from './side-by-side.js';
import type { Workbench } from './workbench.js';

/** How the designs of one and the same host are called in tables and charts. */
export const designNames = {
  plain: 'no triggers',
  ours: 'pg-promo-codes',
  seed: "the seed's row triggers",
} satisfies Partial<Record<Role, string>>;

export interface HostOptions {
  /** Separates the schemas of workloads that live at the same time. */
  label?: string;
  design: Role;
  codes: number;
}

/**
 * The host's tables, empty of uses, with the triggers of one design. Made anew for every round, so that no round starts
 * with larger tables than its neighbour. The foreign key and the host's indexes are there in every design.
 */
export async function freshHost(bench: Workbench, { label = 'host', design, codes }: HostOptions): Promise<string> {
  const schema = await bench.freshSchema(`${label}_${design}`);
  await bench.client.query(inSchema(schema, SEED_TABLES));
  // Autovacuum would fall into some rounds and not into others; settle() does its work between the rounds.
  await bench.client.query(
    ['promo_codes', 'promo_code_uses']
      .map((table) => `ALTER TABLE ${schema}.${table} SET (autovacuum_enabled = false)`)
      .join('; '),
  );
  await bench.client.query(
    `INSERT INTO ${schema}.promo_codes (code, shop_id) SELECT 'CODE-' || n, 'shop' FROM generate_series(1, $1::integer) AS n`,
    [codes],
  );
  if (design === 'seed') await bench.client.query(inSchema(schema, SEED_TRIGGERS));
  if (design === 'ours') await library.installTriggers(bench.pool, { schema });
  return schema;
}

/** A figure from counters that came out wrong would be worth nothing. */
export async function requireTrueCounters(bench: Workbench, schema: string): Promise<void> {
  const drift = await library.checkDrift(bench.pool, { schema });
  if (drift.length > 0) throw new Error(`The counters of ${drift.length} codes in ${schema} are not those of the rows`);
}

/** The names that the benchmark gives to schemas need no quotation marks. */
function inSchema(schema: string, sql: string): string {
  return sql.replaceAll(':"schema"', schema);
}
