import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, checkDrift, inspectTriggers, installTriggers, repairDrift } from '../../src/index';
import { useSchema } from '../support';
import {
  counters,
  createHost,
  expectCounters,
  expectNoDrift,
  insert,
  USUAL_GRANULARITIES,
  unguarded,
  use,
} from './host';
import { session } from './session';

const t = useSchema('bypass');
const options = { schema: t.schema };

const faults = async () => {
  const { ok, objects } = await inspectTriggers(t.pool, options);
  const found = objects.filter(({ state }) => state !== 'ok').map(({ name, state }) => `${name} ${state}`);
  expect(ok).toBe(found.length === 0);
  return found.sort();
};

describe.each(USUAL_GRANULARITIES)('what PostgreSQL lets pass the triggers is found (%s triggers)', (granularity) => {
  beforeEach(async () => {
    await createHost(t, { granularity });
    await t.sql(insert(use(1, 1), use(2, 2)));
  });

  it('session_replication_role = replica: only the drift check can tell', async () => {
    const { sql } = await session(t);
    await sql('SET session_replication_role = replica');
    await sql(insert(use(1, 10), use(3, 30)));
    await sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 2');
    await sql('RESET session_replication_role');
    await sql(insert(use(1, 100)));

    expect(await checkDrift(t.pool, options)).toMatchObject([
      { promoCodeId: '1', timesUsed: 2, actualUses: 3, totalBonusIssued: '101.00', actualBonus: '111.00' },
      { promoCodeId: '2', timesUsed: 1, actualUses: 0, totalBonusIssued: '2.00', actualBonus: '0.00' },
      { promoCodeId: '3', timesUsed: 0, actualUses: 1, totalBonusIssued: '0.00', actualBonus: '30.00' },
    ]);
    expect(await faults()).toEqual([]);
    expect(await repairDrift(t.pool, options)).toHaveLength(3);
    await expectCounters(t, { 1: [3, '111.00'], 3: [1, '30.00'] });
  });

  it.each([
    ['promo_code_uses_insert_trigger', insert(use(1, 10))],
    ['promo_code_uses_delete_trigger', 'DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 1'],
    [
      'count_promo_code_uses_on_update',
      'UPDATE :"schema".promo_code_uses SET bonus_amount = 7 WHERE promo_code_id = 1',
    ],
    ['count_promo_code_uses_on_truncate', 'TRUNCATE :"schema".promo_code_uses'],
  ])('DISABLE TRIGGER %s: both can tell, and installing mends it', async (name, statement) => {
    const before = await counters(t);
    await t.sql(`ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER ${name}`);
    await t.sql(statement);
    expect(await counters(t)).toEqual(before);
    expect((await checkDrift(t.pool, options))[0]).toMatchObject({ promoCodeId: '1', timesUsed: 1 });
    expect(await faults()).toEqual([`${name} disabled`]);
    await expect(assertNoDrift(t.pool, options)).rejects.toThrow(
      `trigger ${name} on ${t.schema}.promo_code_uses: disabled`,
    );

    const report = await installTriggers(t.pool, { schema: t.schema, granularity });
    expect(report.replaced).toEqual([name]);
    expect(await faults()).toEqual([]);
    await expectNoDrift(t);
  });

  it('ENABLE REPLICA TRIGGER is as good as disabled, ENABLE ALWAYS is not', async () => {
    const table = 'ALTER TABLE :"schema".promo_code_uses';
    await t.sql(`${table} ENABLE REPLICA TRIGGER promo_code_uses_insert_trigger`);
    await t.sql(`${table} ENABLE ALWAYS TRIGGER promo_code_uses_delete_trigger`);
    await t.sql(insert(use(1, 10)));
    expect(await counters(t)).toEqual({ 1: [1, '1.00'], 2: [1, '2.00'] });
    expect(await faults()).toEqual(['promo_code_uses_insert_trigger disabled']);
    await installTriggers(t.pool, { schema: t.schema, granularity });
    await expectCounters(t, { 1: [2, '11.00'], 2: [1, '2.00'] });
  });

  it('a dropped trigger, and a dropped function with its triggers', async () => {
    await t.sql('DROP TRIGGER promo_code_uses_delete_trigger ON :"schema".promo_code_uses');
    await t.sql('DROP FUNCTION :"library".update_promo_code_stats_on_update() CASCADE');
    expect(await faults()).toEqual([
      'count_promo_code_uses_on_update missing',
      'promo_code_uses_delete_trigger missing',
      'update_promo_code_stats_on_update missing',
    ]);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 1');
    await installTriggers(t.pool, { schema: t.schema, granularity });
    await expectCounters(t, { 2: [1, '2.00'] });
  });

  it('counters that are written by hand are found and repaired', async () => {
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = times_used + 1 WHERE id = 1'));
    await t.sql(
      unguarded('UPDATE :"schema".promo_codes SET times_used = NULL, total_bonus_issued = NULL WHERE id IN (2, 3)'),
    );
    expect(await checkDrift(t.pool, options)).toMatchObject([
      { promoCodeId: '1', timesUsed: 2, actualUses: 1 },
      { promoCodeId: '2', timesUsed: null, totalBonusIssued: null, actualUses: 1 },
      { promoCodeId: '3', timesUsed: null, totalBonusIssued: null, actualUses: 0 },
    ]);
    await repairDrift(t.pool, options);
    await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
  });
});
