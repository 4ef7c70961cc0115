import { describe, expect, it } from 'vitest';
import { installTriggers, renderSql } from '../../src/index';
import { cases, useSchema } from '../support';
import { counters, createHost, expectCounters, insert, USUAL_GRANULARITIES, unguarded, use } from './host';

const t = useSchema('column types');
const codes = 'ALTER TABLE :"schema".promo_codes';
const uses = 'ALTER TABLE :"schema".promo_code_uses';

describe.each(USUAL_GRANULARITIES)('columns of other types (%s triggers)', (granularity) => {
  const exercise = async (counted: (uses: number, bonus: number) => [number, string]) => {
    await t.sql(insert(use(1, 5), use(2, 7), use(1, 11)));
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 8, promo_code_id = 1 WHERE bonus_amount = 7');
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 5');
    await expectCounters(t, { 1: counted(2, 19) });
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1'));
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 8');
    await expectCounters(t, { 1: counted(1, 11) });
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectCounters(t, {});
  };

  it.each([
    ['smallint', 'smallint', '19'],
    ['bigint', 'bigint', '19'],
    ['numeric', 'numeric', '19.00'],
    ['numeric(10,0)', 'numeric(12,4)', '19.0000'],
    ['integer', 'numeric(18,2)', '19.00'],
  ])('times_used %s with total_bonus_issued %s', async (times, total, shown) => {
    await createHost(t, {
      granularity,
      alter: `${codes} ALTER times_used TYPE ${times}, ALTER total_bonus_issued TYPE ${total}`,
    });
    await exercise((n, bonus) => [n, shown.replace('19', String(bonus))]);
  });

  it.each(cases('types of amounts', ['smallint', 'integer', 'bigint', 'numeric'], (type) => type === 'numeric'))(
    'bonus_amount %s',
    async (type) => {
      await createHost(t, { granularity, alter: `${uses} ALTER bonus_amount TYPE ${type}` });
      await exercise((n, bonus) => [n, `${bonus}.00`]);
    },
  );

  it.each(cases('types of ids', ['smallint', 'bigint'], (type) => type === 'smallint'))(
    'ids of type %s',
    async (type) => {
      await createHost(t, {
        granularity,
        alter: `${codes} ALTER id TYPE ${type}; ${uses} ALTER promo_code_id TYPE ${type}`,
      });
      await exercise((n, bonus) => [n, `${bonus}.00`]);
    },
  );

  it('ids of different types on the two sides of the foreign key, beyond what an integer holds', async () => {
    await createHost(t, {
      granularity,
      alter: `${codes} ALTER id TYPE bigint; ${uses} ALTER promo_code_id TYPE bigint`,
    });
    const id = 9_000_000_000;
    await t.sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (${id}, 'BIG', 'shop')`);
    await t.sql(insert(use(id, 3), use(1, 4)));
    await expectCounters(t, { 1: [1, '4.00'], [id]: [1, '3.00'] });
  });

  it('domains over these types, with constraints that hold', async () => {
    await createHost(t, {
      granularity,
      alter: `
        CREATE DOMAIN :"schema".code_id AS integer CHECK (VALUE > 0);
        CREATE DOMAIN :"schema".money AS numeric(18,2);
        CREATE DOMAIN :"schema".uses AS integer CHECK (VALUE <= 3);
        CREATE DOMAIN :"schema".moment AS timestamptz;
        ${codes} ALTER times_used TYPE :"schema".uses, ALTER total_bonus_issued TYPE :"schema".money,
                 ALTER updated_at TYPE :"schema".moment;
        ${uses} ALTER promo_code_id TYPE :"schema".code_id, ALTER bonus_amount TYPE :"schema".money`,
    });
    await exercise((n, bonus) => [n, `${bonus}.00`]);
    await expect(t.sql(insert(use(1), use(1), use(1), use(1)))).rejects.toMatchObject({ code: '23514' });
    await expectCounters(t, {});
  });

  it.each([
    ['integer', 'numeric(18,2)', '0.50', '2.00', '2'],
    ['bigint', 'numeric(18,2)', '1.01', '2.00', '2'],
    ['numeric(18,2)', 'numeric(18,4)', '0.0001', '2.0100', '2.01'],
    ['numeric(18,2)', 'numeric', '0.005', '2.010', '2.01'],
  ])(
    'total_bonus_issued %s refuses what it cannot hold of bonus_amount %s',
    async (total, amount, tooFine, fits, shown) => {
      await createHost(t, {
        granularity,
        alter: `${codes} ALTER total_bonus_issued TYPE ${total}; ${uses} ALTER bonus_amount TYPE ${amount}`,
      });
      const refused = { code: 'PC004', table: 'promo_code_uses', column: 'bonus_amount' };
      await t.sql(insert(use(1, fits)));
      await expect(t.sql(insert(use(2, 1), use(1, tooFine)))).rejects.toMatchObject(refused);
      await expect(t.sql(`UPDATE :"schema".promo_code_uses SET bonus_amount = ${tooFine}`)).rejects.toMatchObject(
        refused,
      );
      await expectCounters(t, { 1: [1, shown] });
    },
  );

  it.skipIf(t.version < 15)('a negative scale, which rounds to hundreds, is refused', async () => {
    const host = createHost(t, { granularity, alter: `${codes} ALTER total_bonus_issued TYPE numeric(18,-2)` });
    await expect(host).rejects.toMatchObject({ missing: [`${t.schema}.promo_codes.total_bonus_issued`] });
  });

  it('NULL counters are taken for zero, and become true with the first use', async () => {
    await createHost(t, { granularity });
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = NULL WHERE id IN (1, 3)'));
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET total_bonus_issued = NULL WHERE id IN (2, 3)'));
    await t.sql(insert(use(1, 1), use(2, 2), use(3, 4)));
    await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'], 3: [1, '4.00'] });
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = NULL, total_bonus_issued = NULL'));
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id < 3');
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 5');
    expect(await counters(t)).toMatchObject({ 3: [0, '1.00'], 4: [null, null] });
    expect(await counters(t)).not.toHaveProperty('1');
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await expectCounters(t, {});
  });

  it('a new code without counters, or with NULL, starts at zero', async () => {
    await createHost(t, { granularity });
    await t.sql(
      `INSERT INTO :"schema".promo_codes (id, code, shop_id, times_used, total_bonus_issued)
       VALUES (100, 'A', 'shop', NULL, NULL), (101, 'B', 'shop', NULL, 0), (102, 'C', 'shop', DEFAULT, DEFAULT)`,
    );
    await expectCounters(t, {});
  });
});

it('a counter of a type that cannot be counted with is refused before anything is created', async () => {
  await createHost(t);
  await t.sql(renderSql('uninstall', { schema: t.schema }));
  await t.sql(`${codes} ALTER times_used DROP DEFAULT, ALTER times_used TYPE real`);
  await expect(installTriggers(t.pool, { schema: t.schema })).rejects.toMatchObject({
    code: 'NOT_INSTALLED',
    missing: [`${t.schema}.promo_codes.times_used`],
  });
});
