import { beforeEach, describe, expect, it } from 'vitest';
import { cases, useSchema } from '../support';
import { createHost, expectCounters, insert, USUAL_GRANULARITIES, unguarded, use } from './host';
import { type Session, session } from './session';

const t = useSchema('search path');
const hostile = useSchema('hostile');

/** Every event that counts, with a recount of a counter that had drifted low. */
async function writeEverything({ sql }: Session): Promise<void> {
  await sql(insert(use(1, 1), use(2, 2)));
  await sql(insert(use(1, 4)));
  await sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 8, promo_code_id = 3 WHERE bonus_amount = 4');
  await sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 2');
  await expectCounters(t, { 1: [1, '1.00'], 3: [1, '8.00'] });
  await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 3'));
  await sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 3');
  await sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (100, 'N', 'shop')`);
  await sql('UPDATE :"schema".promo_codes SET id = 101 WHERE id = 100');
  await expectCounters(t, { 1: [1, '1.00'] });
  await sql('TRUNCATE :"schema".promo_code_uses');
  await expectCounters(t, {});
}

/** A function, or an operator, that ends whatever calls it. */
const trap = (schema: string, name: string, parameters: string, returns: string) => `
  CREATE FUNCTION ${schema}.${name}(${parameters}) RETURNS ${returns} LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'hijacked through ${name}(${parameters})'; END $$`;
const trapOperator = (schema: string, operator: string, left: string, right: string, returns = 'boolean') => {
  const name = `trap_${Buffer.from(`${operator} ${left} ${right}`).toString('hex')}`;
  return `${trap(schema, name, `${left}, ${right}`, returns)};
    CREATE OPERATOR ${schema}.${operator} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = ${schema}.${name})`;
};

const TYPES = ['integer', 'bigint', 'numeric', 'text', 'smallint'];
const pairs = TYPES.flatMap((left) => TYPES.map((right) => [left, right] as const));

describe.each(USUAL_GRANULARITIES)('the search_path of a session means nothing to the triggers (%s)', (granularity) => {
  beforeEach(() => createHost(t, { granularity, enforceLimits: true }));

  const PATHS = [`''`, 'pg_catalog', 'pg_temp', '"nothing of that name"'];
  it.each(cases('search paths', PATHS, (path) => path === `''`))('search_path = %s', async (path) => {
    const opened = await session(t);
    await opened.sql(`SET search_path = ${path}`);
    await writeEverything(opened);
  });

  it('temporary tables of the same names, also those that are looked into first', async () => {
    const opened = await session(t);
    await opened.sql(
      `CREATE TEMP TABLE promo_codes (LIKE :"schema".promo_codes INCLUDING ALL);
       CREATE TEMP TABLE promo_code_uses (LIKE :"schema".promo_code_uses INCLUDING ALL);
       CREATE TEMP TABLE new_uses (LIKE :"schema".promo_code_uses);
       CREATE TEMP TABLE old_uses (LIKE :"schema".promo_code_uses);
       CREATE TEMP TABLE pg_constraint (contype "char");
       INSERT INTO promo_codes (id, code, shop_id) VALUES (1, 'FAKE', 'shop'), (3, 'FAKE', 'shop');
       INSERT INTO promo_code_uses ${'(promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)'}
       VALUES (1, 1000, 'x', 'x', 1, 1), (3, 1000, 'x', 'x', 1, 1);
       SET search_path = pg_temp, :"schema", pg_catalog`,
    );
    await writeEverything(opened);
    const { rows } = await opened.sql('SELECT DISTINCT times_used FROM pg_temp.promo_codes');
    expect(rows).toEqual([{ times_used: 0 }]);
  });

  it('functions and operators in a schema that comes before pg_catalog', async () => {
    const schema = hostile.expand(':"schema"');
    await t.sql(`DROP SCHEMA ${schema} CASCADE; CREATE SCHEMA ${schema}`);
    const traps = [
      trap(schema, 'now', '', 'timestamptz'),
      trap(schema, 'to_char', 'timestamp, text', 'text'),
      trap(schema, 'set_config', 'text, text, boolean', 'text'),
      trap(schema, 'current_setting', 'text', 'text'),
      trap(schema, 'current_setting', 'text, boolean', 'text'),
      trap(schema, 'scale', 'numeric', 'integer'),
      trap(schema, 'trim_scale', 'numeric', 'numeric'),
      trap(schema, 'lower', 'text', 'text'),
      trap(schema, 'btrim', 'text', 'text'),
      trap(schema, 'count', '', 'bigint'),
      trap(schema, 'sum', 'numeric', 'numeric'),
      trap(schema, 'min', 'integer', 'integer'),
      trap(schema, 'max', 'integer', 'integer'),
      ...['=', '<>', '<', '>', '>='].flatMap((operator) =>
        pairs.map((types) => trapOperator(schema, operator, ...types)),
      ),
      ...['+', '-', '*'].map((operator) => trapOperator(schema, operator, 'numeric', 'numeric', 'numeric')),
      ...['+', '-'].map((operator) => trapOperator(schema, operator, 'bigint', 'bigint', 'bigint')),
    ];
    await t.sql(traps.join(';\n'));
    const opened = await session(t);
    // The statements of the test itself must not fall into the traps, so they run from within a function.
    await opened.sql(
      `CREATE OR REPLACE PROCEDURE :"schema".run(statement text) LANGUAGE plpgsql SET search_path = pg_catalog AS
         $$ BEGIN PERFORM pg_catalog.set_config('search_path', '${schema.replaceAll("'", "''")}, pg_catalog', true);
            EXECUTE statement; END $$`,
    );
    await expect(opened.sql(`SET search_path = ${schema}, pg_catalog; SELECT 1 = 1::bigint`)).rejects.toThrow(
      'hijacked',
    );
    await opened.sql('RESET search_path');
    for (const statement of [
      insert(use(1, 1), use(2, 2)),
      insert(use(1, 4)),
      'UPDATE :"schema".promo_code_uses SET bonus_amount = 8, promo_code_id = 3',
      'DELETE FROM :"schema".promo_code_uses',
      insert(use(1, 5)),
      'TRUNCATE :"schema".promo_code_uses',
    ]) {
      await opened.sql('CALL :"schema".run($1)', [t.expand(statement)]);
    }
    await expectCounters(t, {});
  });

  const LIMITS = ['without limits', 'with limits', 'with numeric limits'];
  it.each(cases('limits beside what shadows functions', LIMITS, (limits) => limits === 'with limits'))(
    'functions and operators beside the tables, in the one schema that the triggers do look into (%s)',
    async (limits) => {
      const schema = ':"schema"';
      await createHost(t, { granularity, enforceLimits: limits !== 'without limits' });
      await t.sql('UPDATE :"schema".promo_codes SET total_usage_limit = 2, per_customer_limit = 2 WHERE id = 1');
      if (limits === 'with numeric limits') {
        const columns = 'ALTER total_usage_limit TYPE numeric, ALTER per_customer_limit TYPE numeric';
        await t.sql(`ALTER TABLE :"schema".promo_codes ${columns}`);
      }
      const traps = [
        trap(schema, 'to_char', 'timestamp, varchar', 'text'),
        trap(schema, 'set_config', 'varchar, varchar, boolean', 'text'),
        trap(schema, 'current_setting', 'varchar', 'text'),
        trap(schema, 'format', 'text, integer, integer', 'text'),
        trap(schema, 'format', 'text, text, bigint, integer', 'text'),
        ...['integer', 'bigint', 'text'].map(
          (type) =>
            `${trap(schema, 'trap_step', `${type}[], ${type}`, `${type}[]`)};
           CREATE AGGREGATE ${schema}.array_agg(${type}) (SFUNC = ${schema}.trap_step, STYPE = ${type}[])`,
        ),
        trap(schema, 'unnest', 'bigint[]', 'bigint'),
        trap(schema, 'unnest', 'numeric[]', 'numeric'),
        trap(schema, 'generate_subscripts', 'bigint[], integer', 'integer'),
        ...['=', '<>', '<', '>', '>='].flatMap((operator) =>
          pairs.map((types) => trapOperator(schema, operator, ...types)),
        ),
      ];
      await t.sql(traps.join(';\n'));
      await writeEverything(await session(t));
      if (limits === 'without limits') return;
      // Of different customers: row triggers verify both limits for the first row before the total of the last.
      await expect(t.sql(insert(use(1, 5, 'a'), use(1, 5, 'b'), use(1, 5, 'c')))).rejects.toMatchObject({
        code: 'PC002',
      });
      await t.sql('UPDATE :"schema".promo_codes SET total_usage_limit = NULL');
      await expect(t.sql(insert(use(1), use(1), use(1)))).rejects.toMatchObject({ code: 'PC003' });
      await expectCounters(t, {});
    },
  );
});
