import { expect } from 'vitest';
import { checkDrift, type InstallOptions, installSchema, installTriggers } from '../../src/index';
import { cases, type TestSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { hostOf } from '../support/reuse';

export const GRANULARITIES = ['statement', 'row'] as const;

/** Each write path is tested on the tables of the seed's application and on our own, with either kind of trigger. */
export const VARIANTS = cases(
  'pairs of tables and triggers',
  (['seed', 'library'] as const).flatMap((tables) => GRANULARITIES.map((granularity) => ({ tables, granularity }))),
  ({ tables, granularity }) => (tables === 'seed') === (granularity === 'statement'),
);
/** For what is no matter of how a statement is counted. */
export const USUAL_GRANULARITIES = cases(
  'kinds of triggers',
  GRANULARITIES,
  (granularity) => granularity === 'statement',
);

export interface HostOptions extends Omit<InstallOptions, 'schema' | 'tables'> {
  tables?: 'seed' | 'library';
  /** How the tables are described, where they are not as the seed has them. */
  described?: InstallOptions['tables'];
  /** Changes the seed's tables before the triggers are installed. */
  alter?: string;
}

/** Puts a host into both schemas: two tables, the triggers, and the codes C1 to C9 with ids 1 to 9. */
export async function createHost(t: TestSchema, { tables = 'seed', alter, described, ...install }: HostOptions = {}) {
  const options = { schema: t.schema, tables: described, ...install };
  await hostOf(t, JSON.stringify([tables, alter, options]), async () => {
    if (tables === 'library') {
      await installSchema(t.pool, options);
    } else {
      await t.sql(SEED_TABLES);
      if (alter) await t.sql(alter);
      await installTriggers(t.pool, options);
    }
  });
  await t.sql(
    `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date, per_customer_limit)
     SELECT 'C' || n, 'shop', 5, now() + interval '30 days', NULL FROM generate_series(1, 9) AS n`,
  );
}

/** One use for `insert`: of a code, with an amount as SQL, by a customer. */
export function use(code: number | null, amount: string | number | null = 5, customer = 'someone'): string {
  return `(${code ?? 'NULL'}, ${amount ?? 'NULL'}, '${customer}', 'shop', 10, 15)`;
}

export const USE_COLUMNS = '(promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)';

export function insert(...uses: string[]): string {
  return `INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} VALUES ${uses.join(', ')}`;
}

/** A statement that reaches the counters past every trigger, as a load of data does that switches them off. */
export function unguarded(statement: string): string {
  return `SET session_replication_role = replica; ${statement}; RESET session_replication_role`;
}

/** The counters of each code that has any, by id: how many uses, and what bonus. */
export type Counters = Record<string, [uses: number | null, bonus: string | null]>;

export async function counters(t: TestSchema): Promise<Counters> {
  const { rows } = await t.sql<{ id: string; uses: string | null; bonus: string | null }>(
    `SELECT id, times_used::text AS uses, total_bonus_issued::text AS bonus FROM :"schema".promo_codes
      WHERE times_used IS DISTINCT FROM 0 OR total_bonus_issued IS DISTINCT FROM 0`,
  );
  return Object.fromEntries(
    rows.map(({ id, uses, bonus }) => [id, [uses === null ? null : Number(uses), bonus]] as const),
  );
}

/** The verification query of the seed, word for word but for the schema: any row is drift. */
const SEED_VERIFICATION = `
  SELECT pc.id, pc.code, pc.times_used, pc.total_bonus_issued,
         COALESCE(stats.actual_uses, 0) as actual_uses,
         COALESCE(stats.actual_bonus, 0) as actual_bonus
  FROM :"schema".promo_codes pc
  LEFT JOIN (
    SELECT promo_code_id, COUNT(*) as actual_uses, SUM(bonus_amount) as actual_bonus
    FROM :"schema".promo_code_uses GROUP BY promo_code_id
  ) stats ON pc.id = stats.promo_code_id
  WHERE pc.times_used != COALESCE(stats.actual_uses, 0)
     OR pc.total_bonus_issued != COALESCE(stats.actual_bonus, 0)`;

/** The counters are true: for the library, and for the seed, whose query knows nothing of the library. */
export async function expectNoDrift(t: TestSchema): Promise<void> {
  expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  expect((await t.sql(SEED_VERIFICATION)).rows).toEqual([]);
}

/** The counters are what the test says, and they are true. */
export async function expectCounters(t: TestSchema, expected: Counters): Promise<void> {
  expect(await counters(t)).toEqual(expected);
  await expectNoDrift(t);
}

/** Where the rows of the codes lie and who wrote them: the same text before and after means that nothing was written. */
export async function versionsOfCodes(t: TestSchema): Promise<string> {
  const { rows } = await t.sql<{ versions: string }>(
    `SELECT string_agg(concat_ws(' ', id, ctid, xmin, updated_at), '; ' ORDER BY id) AS versions FROM :"schema".promo_codes`,
  );
  return rows[0]!.versions;
}
