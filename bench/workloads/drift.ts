import { type Comparison, compare, type Panel } from '../comparison.js';
import { count } from '../format.js';
import { freshHost } from '../host.js';
import { library } from '../library.js';
import { alternate, type Contender, milliseconds } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

const DRIFTED = 100;

/** What no comparison of counters with rows can do without, and nothing more: the server answers with one row. */
export const bareAggregate = (schema: string) =>
  `SELECT count(t.uses), count(t.bonus)
     FROM (SELECT promo_code_id, count(*) AS uses, sum(bonus_amount) AS bonus
             FROM ${schema}.promo_code_uses GROUP BY 1) AS t`;

/** The seed's check, "Verify Data Sync", word for word but for the schema. */
export const seedCheck = (schema: string) =>
  `SELECT pc.id, pc.code, pc.times_used, pc.total_bonus_issued,
          COALESCE(stats.actual_uses, 0) as actual_uses,
          COALESCE(stats.actual_bonus, 0) as actual_bonus
     FROM ${schema}.promo_codes pc
     LEFT JOIN (
       SELECT promo_code_id, COUNT(*) as actual_uses, SUM(bonus_amount) as actual_bonus
       FROM ${schema}.promo_code_uses GROUP BY promo_code_id
     ) stats ON pc.id = stats.promo_code_id
    WHERE pc.times_used != COALESCE(stats.actual_uses, 0)
       OR pc.total_bonus_issued != COALESCE(stats.actual_bonus, 0)`;

/** The seed's repair, "Data Sync", word for word but for the schema. */
const seedRepair = (schema: string) =>
  `UPDATE ${schema}.promo_codes pc
      SET times_used = COALESCE(stats.actual_uses, 0),
          total_bonus_issued = COALESCE(stats.actual_bonus, 0)
     FROM (
       SELECT promo_code_id, COUNT(*) as actual_uses, SUM(COALESCE(bonus_amount, 0)) as actual_bonus
       FROM ${schema}.promo_code_uses
       GROUP BY promo_code_id
     ) stats
    WHERE pc.id = stats.promo_code_id`;

/** Comparing the counters of many codes with their uses, and correcting the few that differ. */
export const drift: Workload = {
  names: ['check-drift', 'repair-drift'],
  async run(bench) {
    const [codes, uses, rounds] = bench.quick ? [2_000, 200_000, 5] : [10_000, 1_000_000, 21];
    bench.progress(`drift: ${rounds} rounds over ${count(uses)} uses of ${count(codes)} codes`);
    const schema = await filledHost(bench, codes, uses);
    const panel: Panel = { title: `${count(uses)} uses of ${count(codes)} codes`, unit: 'ms' };
    const shared = { panel, reference: 'plain' } as const;
    const checked: Comparison = compare(
      {
        ...shared,
        name: 'check-drift',
        shortName: 'check',
        what: `all counters against ${count(uses)} uses of ${count(codes)} codes`,
        labels: { plain: 'bare aggregate', ours: 'checkDrift', seed: "the seed's query" },
        goal: { direction: 'at most', limit: 1.15 },
      },
      await alternate(checks(bench, schema), rounds),
    );
    const repaired: Comparison = compare(
      {
        ...shared,
        name: 'repair-drift',
        shortName: `repair of ${DRIFTED} codes`,
        what: `${DRIFTED} of ${count(codes)} codes are corrected`,
        labels: { plain: 'bare aggregate', ours: 'repairDrift', seed: "the seed's UPDATE" },
        goal: { direction: 'at most', limit: 2 },
      },
      await alternate(repairs(bench, schema, codes), rounds),
    );
    return [checked, repaired];
  },
};

function checks({ pool }: Workbench, schema: string): Contender<number>[] {
  const plain = async () => void (await pool.query(bareAggregate(schema)));
  const ours = async () => requireCount(0, (await library.checkDrift(pool, { schema })).length);
  const seed = async () => requireCount(0, (await pool.query(seedCheck(schema))).rows.length);
  return [
    { role: 'plain', round: () => milliseconds(plain) },
    { role: 'ours', round: () => milliseconds(ours) },
    { role: 'seed', round: () => milliseconds(seed) },
  ];
}

function repairs(bench: Workbench, schema: string, codes: number): Contender<number>[] {
  const { pool } = bench;
  const prepare = async () => {
    await pool.query(`UPDATE ${schema}.promo_codes SET times_used = times_used + 1 WHERE id % $1 = 0`, [
      codes / DRIFTED,
    ]);
    await bench.settle(schema);
  };
  const plain = async () => void (await pool.query(bareAggregate(schema)));
  const ours = async () => requireCount(DRIFTED, (await library.repairDrift(pool, { schema })).length);
  const seed = async () => requireCount(codes, (await pool.query(seedRepair(schema))).rowCount ?? 0);
  // The codes that the bare aggregate leaves as they are differ by one more afterwards, and still differ.
  return [
    { role: 'plain', prepare, round: () => milliseconds(plain) },
    { role: 'ours', prepare, round: () => milliseconds(ours) },
    { role: 'seed', prepare, round: () => milliseconds(seed) },
  ];
}

/** A figure of work that was not done would be worth nothing. */
export function requireCount(expected: number, found: number): void {
  if (found !== expected) throw new Error(`Expected ${expected} codes and found ${found}`);
}

/** The uses of a code lie scattered over the table, as they do when customers redeem many codes day by day. */
export async function filledHost(bench: Workbench, codes: number, uses: number, label = 'drift'): Promise<string> {
  const schema = await freshHost(bench, { label, design: 'ours', codes });
  const { client } = bench;
  await library.uninstallTriggers(bench.pool, { schema });
  // Without a look at the foreign key for every row, where this role may say so.
  await client.query('SET session_replication_role = replica').catch(() => undefined);
  await client.query(
    `INSERT INTO ${schema}.promo_code_uses
       (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
     SELECT 1 + n % $1::integer, 'customer-' || n % 1000, 'shop', 10, n % 20 + 0.5, n % 20 + 10.5
       FROM generate_series(1, $2::integer) AS n`,
    [codes, uses],
  );
  await client.query('RESET session_replication_role');
  await client.query(seedRepair(schema));
  await library.installTriggers(bench.pool, { schema, counterWrites: 'allow' });
  await bench.settle(schema);
  return schema;
}
