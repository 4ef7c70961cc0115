import { readFileSync } from 'node:fs';
import pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { inspectTriggers, installTriggers, renderSql, uninstallTriggers } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

/** What `renderSql('triggers')` of revision 1 wrote, as it was before the first release. */
const REVISION_1 = readFileSync(new URL('./fixtures/installed-by-revision-1.sql', import.meta.url), 'utf8');

const old = useSchema('upgraded');
const fresh = useSchema('fresh');

/** Other functions that an earlier revision may have had: other parameters, another result, a name that is gone. */
const EARLIER = `
  CREATE FUNCTION :"library".redeem_promo_codes(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN
-- pg-promo-codes 1
RETURN NULL; END';
  DROP FUNCTION :"library".rollback_promo_code_use(bigint);
  CREATE FUNCTION :"library".rollback_promo_code_use(which bigint) RETURNS text LANGUAGE plpgsql AS 'BEGIN
-- pg-promo-codes 1
RETURN NULL; END';
  CREATE FUNCTION :"schema".watch_promo_codes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
-- pg-promo-codes 1
RETURN NULL; END'`;

const ROWS = `
  INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop');
  INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
  VALUES (1, 'ann', 'shop', 1, 5, 6), (1, 'bob', 'shop', 1, 5, 6);
  INSERT INTO :"library".promo_code_idempotency_keys (shop_id, idempotency_key, fingerprint, use_id) VALUES ('shop', 'k', '\\x01', 1);
  INSERT INTO :"library".promo_code_holds (use_id, promo_code_id, customer_address, expires_at) VALUES (2, 1, 'bob', now())`;

beforeEach(async () => {
  for (const t of [old, fresh]) {
    await t.sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
    await t.sql(SEED_TABLES);
  }
  await old.pool.query(
    REVISION_1.replaceAll('"SCHEMA_NAME"', () => pg.escapeIdentifier(old.schema)).replaceAll("'SCHEMA_NAME'", () =>
      pg.escapeLiteral(old.schema),
    ),
  );
  await old.sql(EARLIER);
  await old.sql(ROWS);
});

describe.each(['installTriggers', 'renderSql'] as const)('an installation of revision 1, upgraded by %s', (way) => {
  it('equals a fresh one, keeps the rows of keys and holds, and leaves nothing behind', async () => {
    const install = ({ pool, schema }: typeof old) =>
      way === 'installTriggers' ? installTriggers(pool, { schema }) : pool.query(renderSql('triggers', { schema }));
    await install(fresh);
    await install(old);
    expect(await everything(old)).toEqual(await everything(fresh));
    expect(await inspectTriggers(old.pool, { schema: old.schema })).toMatchObject({
      ok: true,
      counterWrites: 'ignore',
    });
    expect(await installTriggers(old.pool, { schema: old.schema })).toMatchObject({ changed: false });
    const kept = await old.sql(
      `SELECT idempotency_key AS key FROM :"library".promo_code_idempotency_keys
       UNION ALL SELECT customer_address FROM :"library".promo_code_holds ORDER BY 1`,
    );
    expect(kept.rows).toEqual([{ key: 'bob' }, { key: 'k' }]);
  });

  it("takes functions that are the host's own for nothing else", async () => {
    await old.sql(`CREATE FUNCTION :"library".redeem_promo_codes(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
                   CREATE FUNCTION :"schema".my_promo_code() RETURNS text LANGUAGE sql AS 'SELECT 1::text'`);
    if (way === 'installTriggers') await installTriggers(old.pool, { schema: old.schema });
    else await old.pool.query(renderSql('triggers', { schema: old.schema }));
    const { rows } = await old.sql(
      `SELECT :"library".redeem_promo_codes('mine', '') AS one, :"schema".my_promo_code() AS two`,
    );
    expect(rows).toEqual([{ one: 'mine', two: '1' }]);
  });
});

it.each(['uninstallTriggers', 'renderSql'] as const)('%s removes revision 1 as well', async (way) => {
  if (way === 'uninstallTriggers') await uninstallTriggers(old.pool, { schema: old.schema });
  else await old.pool.query(renderSql('uninstall', { schema: old.schema }));
  const { rows } = await old.sql(
    `SELECT proname FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'schema')`,
  );
  expect(rows).toEqual([]);
  expect((await old.sql('SELECT FROM :"library".promo_code_holds')).rowCount).toBe(1);
});

/** What an installation consists of, as the catalogs print it, with the schema's name taken out. */
async function everything(t: typeof old) {
  const { rows } = await t.sql<{ what: string }>(
    `WITH n AS (SELECT oid FROM pg_namespace WHERE nspname = :'schema')
     SELECT concat_ws(' ', 'function', p.oid::regprocedure, pg_get_function_result(p.oid), p.proconfig, p.prosecdef, p.proacl,
                      md5(replace(p.prosrc, $1, 'S'))) AS what
       FROM pg_proc AS p, n WHERE p.pronamespace = n.oid
     UNION ALL
     SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger AS t, pg_class AS c, n
      WHERE c.oid = t.tgrelid AND c.relnamespace = n.oid AND NOT t.tgisinternal
     UNION ALL
     SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid)) FROM pg_index AS i, pg_class AS c, n
      WHERE c.oid = i.indexrelid AND c.relnamespace = n.oid
     UNION ALL
     SELECT concat_ws(' ', 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, c.relacl,
                      c.relrowsecurity, pg_get_expr(d.adbin, d.adrelid))
       FROM pg_class AS c JOIN n ON c.relnamespace = n.oid JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
       LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE c.relkind = 'r'
     UNION ALL
     SELECT concat_ws(' ', 'policy', p.polname, pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy AS p, pg_class AS c, n
      WHERE c.oid = p.polrelid AND c.relnamespace = n.oid`,
    [pg.escapeIdentifier(t.schema)],
  );
  // However PostgreSQL quotes the name of the schema, its end is its own.
  return rows.map(({ what }) => what.replace(/run[0-9a-z]+_[0-9a-z]+[ _](?:fresh|upgraded)/g, 'S')).sort();
}
