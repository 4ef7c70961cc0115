import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, inspectTriggers, installTriggers, renderSql, uninstallTriggers } from '../../src/index';
import { functionNames, SQL_REVISION } from '../../src/inspect/definition';
import { useSchema } from '../support';
import { insertUses, SEED_TABLES, SEED_TRIGGERS } from '../support/host-tables';

const { schema, library, pool, sql } = useSchema('install');

const TABLES = [
  'promo_code_idempotency_keys',
  'promo_code_holds',
  'promo_code_rate_limits',
  'promo_code_campaigns',
  'promo_code_campaign_codes',
  'promo_code_carried_totals',
  'promo_code_carried_customers',
  'promo_code_archived_uses',
  'promo_code_drift_checks',
];
const INDEXES = ['promo_codes_shop_code_idx', 'promo_code_uses_code_customer_idx'];
const TRIGGERS = [
  'promo_code_uses_insert_trigger',
  'promo_code_uses_delete_trigger',
  'count_promo_code_uses_on_update',
  'count_promo_code_uses_on_truncate',
  'guard_promo_code_counters_on_insert',
  'guard_promo_code_counters_on_update',
  'recount_promo_code_on_insert',
  'recount_promo_code_on_update',
  'leave_promo_code_campaign_on_delete',
  'leave_promo_code_campaign_on_truncate',
];

/** All but the clock of installations that are for tests, and those of a history. */
const FUNCTIONS = [...functionNames].filter((name) => !/^promo_code_clock$|promo_code_history/.test(name));

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(
    `INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'C' || n, 'shop' FROM generate_series(1, 9) AS n`,
  );
});

it('creates everything on the tables of the seed, and nothing on the second call', async () => {
  const first = await installTriggers(pool, { schema });
  expect(first).toMatchObject({ changed: true, replaced: [], granularity: 'statement', repaired: [], foreign: [] });
  expect([...first.created].sort()).toEqual([library, ...TABLES, ...FUNCTIONS, ...TRIGGERS, ...INDEXES].sort());
  const state = await inspectTriggers(pool, { schema });
  expect(state.objects.filter((object) => object.state !== 'ok')).toEqual([]);
  expect(state).toMatchObject({ ok: true, granularity: 'statement', reconcilePending: false, revision: SQL_REVISION });

  const second = await installTriggers(pool, { schema });
  expect(second).toEqual({
    changed: false,
    created: [],
    replaced: [],
    granularity: 'statement',
    repaired: [],
    foreign: [],
    warnings: [],
  });
});

it('replaces the triggers of the seed, so that nothing is counted twice, and heals the drift', async () => {
  await sql(insertUses(1, 1, 2, 3));
  await sql(SEED_TRIGGERS);
  await sql(
    `UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = 2; UPDATE :"schema".promo_codes SET times_used = NULL WHERE id = 5`,
  );
  const report = await installTriggers(pool, { schema });
  expect(report.replaced.sort()).toEqual([
    'promo_code_uses_delete_trigger',
    'promo_code_uses_insert_trigger',
    'update_promo_code_stats_on_delete',
    'update_promo_code_stats_on_insert',
  ]);
  expect(report.repaired.map(({ promoCodeId }) => promoCodeId)).toEqual(['1', '2', '3', '5']);
  await sql(insertUses(1));
  expect(await checkDrift(pool, { schema })).toEqual([]);
  const { rows } = await sql('SELECT times_used, total_bonus_issued FROM :"schema".promo_codes WHERE id = 1');
  expect(rows).toEqual([{ times_used: 3, total_bonus_issued: '15.00' }]);
});

describe('the options', () => {
  it.each([
    { counterWrites: 'allow' },
    { counterWrites: 'reject' },
    { enforceLimits: true },
    { granularity: 'row' },
    { granularity: 'row', enforceLimits: true, counterWrites: 'allow' },
  ] as const)('%o are installed, seen, kept when they are left out, and taken back', async (options) => {
    await installTriggers(pool, { schema, ...options });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, ...options });
    expect(await installTriggers(pool, { schema, ...options })).toMatchObject({ changed: false });
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    const usual = { counterWrites: 'ignore', enforceLimits: false, granularity: 'auto' } as const;
    expect(await installTriggers(pool, { schema, ...usual })).toMatchObject({ changed: true });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({
      ok: true,
      counterWrites: 'ignore',
      enforceLimits: false,
      granularity: 'statement',
    });
  });

  it.each([{}, { counterWrites: 'reject', enforceLimits: true }, { granularity: 'row', enforceLimits: true }] as const)(
    'the rendered SQL of %o is what the library would install',
    async (options) => {
      await sql(insertUses(4));
      await pool.query(renderSql('triggers', { schema, ...options }));
      expect(await installTriggers(pool, { schema, ...options })).toMatchObject({ changed: false });
      expect(await checkDrift(pool, { schema })).toEqual([]);
      await pool.query(renderSql('uninstall', { schema }));
      expect((await uninstallTriggers(pool, { schema })).removed).toEqual([]);
      expect((await sql(`SELECT FROM pg_namespace WHERE nspname = :'library'`)).rowCount).toBe(0);
    },
  );
});
