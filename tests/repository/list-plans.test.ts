import { describe, expect, it } from 'vitest';
import { installTriggers, type ListInput, type PromoCode, PromoCodeRepository, renderSql } from '../../src/index';
import { isWhole, useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const CODES = 200_000;
const ORDERS = ['newest', 'timesUsed', 'totalBonusIssued', 'endDate'] as const;

interface Plan {
  'Node Type': string;
  'Index Name'?: string;
  'Parent Relationship'?: string;
  'Actual Rows': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

/** A pool of one client, which keeps the plan of the last list. */
function explaining(t: { client(): Promise<import('pg').Client> }, schema: string) {
  let text = '';
  let values: unknown[] = [];
  const opened = t.client();
  const query = async (statement: string, given: unknown[] = []) => {
    if (/FROM .+ AS c\s+WHERE true/.test(statement)) [text, values] = [statement, given];
    return (await opened).query(statement, given);
  };
  return {
    repository: new PromoCodeRepository({ query }, { schema }),
    async plan(): Promise<Plan> {
      const { rows } = await (await opened).query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
      return rows[0]['QUERY PLAN'][0].Plan;
    },
  };
}

/** Without what is asked for each code of a page, and for one that has reached its limit: campaign and holds. */
function nodesOf(plan: Plan): Plan[] {
  const below = (plan.Plans ?? []).filter((part) => part['Parent Relationship'] !== 'SubPlan').flatMap(nodesOf);
  return plan['Node Type'] === 'Subquery Scan' ? below : [plan, ...below];
}

/** The first page, and one far behind it. */
async function expectOneScan(on: ReturnType<typeof explaining>, filter: ListInput, index: RegExp) {
  const first = await on.repository.list({ ...filter, limit: 50 });
  const plans = [await on.plan()];
  const far = await on.repository.list({ ...filter, limit: 2_000 });
  await on.repository.list({ ...filter, limit: 50, cursor: far.nextCursor });
  plans.push(await on.plan());
  expect(first.items).toHaveLength(50);
  for (const plan of plans) {
    const nodes = nodesOf(plan);
    const what = JSON.stringify([filter, nodes.map((node) => [node['Node Type'], node['Index Name']])]);
    expect(
      nodes.map((node) => node['Node Type']),
      what,
    ).toEqual(['Limit', 'Index Scan']);
    expect(nodes[1]!['Index Name'], what).toMatch(index);
    expect(nodes[1]!['Actual Rows'], what).toBe(51);
    expect(nodes[1]!['Rows Removed by Filter'] ?? 0, what).toBeLessThan(200);
  }
}

describe.skipIf(!isWhole).each(['never analysed', 'analysed'] as const)('many codes, %s', (state) => {
  const t = useRepository(`plans ${state}`);
  const on = explaining(t, t.schema);

  it('gives each page by one scan of an index', async () => {
    const listIndexes = renderSql('listIndexes', { schema: t.schema });
    // Those that redemptions do not write are there already.
    const { rows: before } = await t.sql(
      `SELECT count(*)::integer AS n FROM pg_indexes WHERE schemaname = :'schema' AND tablename = 'promo_codes'`,
    );
    expect(before).toEqual([{ n: 4 }]);
    await t.pool.query(listIndexes);
    await t.sql(`ALTER TABLE :"schema".promo_codes SET (autovacuum_enabled = off)`);
    await t.sql('ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER');
    await t.sql(
      `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date, times_used, total_bonus_issued, is_active)
       SELECT 'C' || n, 'shop-' || n % 4, 5, CASE WHEN n % 3 = 0 THEN 'infinity' ELSE now() + (n % 5000) * interval '1 hour' END,
              n % 100, n % 1000, n % 10 <> 0
         FROM generate_series(1, $1::integer) AS n`,
      [CODES],
    );
    await t.sql('ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER');
    if (state === 'analysed') await t.sql('ANALYZE :"schema".promo_codes');
    for (const orderBy of ORDERS) {
      await expectOneScan(on, { shopId: 'shop-1', orderBy }, /^promo_codes_shop_(newest|used|bonus|end)_idx$/);
      // Of a range of dates that it knows nothing of, the planner expects too few codes, and sorts those of one index.
      if (orderBy === 'endDate' && state === 'never analysed') continue;
      await expectOneScan(on, { shopId: 'shop-1', orderBy, state: 'redeemable' }, /^promo_codes_shop_/);
    }
    await expectOneScan(on, {}, /^promo_codes_pkey$/);
    // The same where it knows nothing of the shop, and looking at its codes costs little.
    if (state === 'never analysed') return;
    await expectOneScan(on, { shopId: 'shop-1', search: 'c', activeOnly: true }, /^promo_codes_shop_newest_idx$/);
  }, 180_000);
});

describe('a host with columns that may be NULL, and shops that are numbers', () => {
  const t = useSchema('host plans');
  const on = explaining(t, t.schema);

  it('gets each page by one scan of an index that is recommended, and in the same order without', async () => {
    await t.sql(SEED_TABLES);
    await t.sql(`ALTER TABLE :"schema".promo_codes ALTER shop_id TYPE integer USING 0, ALTER end_date DROP NOT NULL`);
    await installTriggers(t.pool, { schema: t.schema });
    await t.sql(
      `ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER;
       INSERT INTO :"schema".promo_codes (code, shop_id, end_date, times_used, total_bonus_issued)
       SELECT 'C' || n, n % 2, CASE WHEN n % 3 <> 0 THEN timestamp '2026-10-25 01:30' + (n % 90) * interval '1 minute 0.000001 s' END,
              CASE WHEN n % 5 <> 0 THEN n % 3 END, CASE WHEN n % 7 <> 0 THEN n % 4 END
         FROM generate_series(1, 6000) AS n;
       ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER; ANALYZE :"schema".promo_codes`,
    );
    const pages = async (orderBy: (typeof ORDERS)[number]) => {
      const seen: PromoCode[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await on.repository.list({ shopId: 1, orderBy, limit: 700, cursor });
        seen.push(...page.items);
        cursor = page.nextCursor;
      }
      return seen.map(({ id }) => id);
    };
    const without = await Promise.all(ORDERS.map(pages));
    for (const ids of without) expect(new Set(ids).size).toBe(3_000);
    const keys = ['id', 'coalesce(times_used, 0)', 'coalesce(total_bonus_issued, 0)', `coalesce(end_date, 'infinity')`];
    for (const [place, key] of keys.entries()) {
      const way = place === 3 ? 'ASC' : 'DESC';
      const { rows } = await t.sql<{ text: string }>(
        `SELECT id::text AS text FROM :"schema".promo_codes WHERE shop_id = 1 ORDER BY ${key} ${way}, id ${way}`,
      );
      expect(without[place]).toEqual(rows.map(({ text }) => text));
    }
    await t.pool.query(renderSql('listIndexes', { schema: t.schema }));
    for (const orderBy of ORDERS) await expectOneScan(on, { shopId: 1, orderBy }, /^promo_codes_shop_/);
    expect(await Promise.all(ORDERS.map(pages))).toEqual(without);
  }, 60_000);

  it('refuses cursors that no page has given', async () => {
    const far = '9'.repeat(30);
    for (const [orderBy, mark] of [
      ['timesUsed', far],
      ['timesUsed', '-'],
      ['timesUsed', '1.5'],
      ['totalBonusIssued', '-'],
      ['endDate', far],
      ['endDate', '-9999999999999'],
      ['endDate', '-'],
      ['newest', 'x'],
    ] as const) {
      const cursor = Buffer.from(`${orderBy}:${mark}:1`).toString('base64url');
      await expect(on.repository.list({ orderBy, cursor }), mark).rejects.toMatchObject({
        issues: [{ path: 'cursor' }],
      });
    }
    const infinite = Buffer.from('endDate:-Infinity:1').toString('base64url');
    expect((await on.repository.list({ orderBy: 'endDate', cursor: infinite, limit: 1 })).items).toHaveLength(1);
  });
});
