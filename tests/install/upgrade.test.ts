import { readFileSync } from 'node:fs';
import pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  type InstallOptions,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  renderSql,
  uninstallTriggers,
} from '../../src/index';
import { cases, storedName, useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';
import { intercepted } from '../support/intercepted';

/** What `renderSql('triggers')` of revision 1 wrote, as it was before the first release. */
const REVISION_1 = readFileSync(new URL('./fixtures/installed-by-revision-1.sql', import.meta.url), 'utf8');

const old = useSchema('upgraded');
const fresh = useSchema('fresh');

/** Other functions that an earlier revision may have had: other parameters, another result, a name that is gone. */
const EARLIER = `
  CREATE FUNCTION :"schema".redeem_promo_codes(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN
-- pg-promo-codes 1
RETURN NULL; END';
  DROP FUNCTION :"schema".rollback_promo_code_use(bigint);
  CREATE FUNCTION :"schema".rollback_promo_code_use(which bigint) RETURNS text LANGUAGE plpgsql AS 'BEGIN
-- pg-promo-codes 1
RETURN NULL; END';
  CREATE FUNCTION :"schema".watch_promo_codes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
-- pg-promo-codes 1
RETURN NULL; END'`;

const TOMORROW = `now() + interval '1 day'`;
const CODE = `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, per_customer_limit) VALUES ('C1', 'shop', 5, NULL)`;
/** A hold as the old layout has it. */
const HOLD = (id: string) =>
  `INSERT INTO :"schema".promo_code_holds (use_id, promo_code_id, customer_address, expires_at)
   SELECT id, promo_code_id, customer_address, ${TOMORROW} FROM :"schema".promo_code_uses WHERE id = ${id}`;
const LIMIT = `INSERT INTO :"schema".promo_code_rate_limits VALUES ('ip', 5, 9)`;

beforeEach(async () => {
  for (const t of [old, fresh]) {
    await t.sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
    await t.sql(SEED_TABLES);
    await t.sql(CODE);
  }
  await installRevision1();
  await old.sql(EARLIER);
});

function installRevision1(text = REVISION_1) {
  return old.pool.query(
    text
      .replaceAll('"SCHEMA_NAME"', () => pg.escapeIdentifier(old.schema))
      .replaceAll("'SCHEMA_NAME'", () => pg.escapeLiteral(old.schema)),
  );
}

const asked = { code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 10 };

/** A redemption with a key, as the first revision has recorded it: the fingerprint is that of this one. */
async function keyedUse(t: typeof old, key: string): Promise<void> {
  await t.sql(
    `WITH used AS (
       INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
       VALUES (1, 'ann', 'shop', 10, 5, 15) RETURNING id)
     INSERT INTO :"schema".promo_code_idempotency_keys (shop_id, idempotency_key, fingerprint, use_id)
     SELECT 'shop', $1, :"schema".promo_code_fingerprint('C1', 'ann', 10, NULL, NULL), id FROM used`,
    [key],
  );
}

/** A hold that can still be confirmed. */
async function hold(t: typeof old): Promise<string> {
  const { rows } = await t.sql<{ id: string }>(
    `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
     VALUES (1, 'ann', 'shop', 10, 5, 15) RETURNING id::text AS id`,
  );
  await t.sql(HOLD(rows[0]!.id));
  return rows[0]!.id;
}

type Way = 'installTriggers' | 'renderSql';
const install = (way: Way, { pool, schema }: typeof old, options: InstallOptions = {}): Promise<unknown> =>
  way === 'installTriggers'
    ? installTriggers(pool, { schema, ...options })
    : pool.query(renderSql('triggers', { schema, ...options }));

const WAYS: Way[] = ['installTriggers', 'renderSql'];
describe.each(cases('ways to upgrade', WAYS, (way) => way === 'installTriggers'))(
  'an installation of revision 1, upgraded by %s',
  (way) => {
    it('equals a fresh one and leaves nothing behind', async () => {
      await keyedUse(old, 'k');
      await old.sql(LIMIT);
      await install(way, fresh, { counterWrites: 'ignore' });
      await install(way, old, { counterWrites: 'ignore' });
      expect(await everything(old)).toEqual(await everything(fresh));
      expect(await inspectTriggers(old.pool, { schema: old.schema })).toMatchObject({
        ok: true,
        counterWrites: 'ignore',
      });
      expect(await installTriggers(old.pool, { schema: old.schema })).toMatchObject({ changed: false });
      expect((await old.sql('SELECT points FROM :"library".promo_code_rate_limits')).rows).toEqual([{ points: 5 }]);
      await assertNoDrift(old.pool, { schema: old.schema });
    });

    it('answers with what its keys remember, and confirms its holds', async () => {
      await keyedUse(old, 'k');
      const held = await hold(old);
      await install(way, old);
      const repository = new PromoCodeRepository(old.pool, { schema: old.schema });
      expect(await repository.redeem({ ...asked, idempotencyKey: 'k' })).toMatchObject({ ok: true, replayed: true });
      expect(await repository.confirm(held)).toMatchObject({ id: held });
      expect(await repository.findById('1')).toMatchObject({ timesUsed: 2 });
    });

    it.runIf(way === 'installTriggers')('locks the tables in the order in which a redemption writes them', async () => {
      const locking: string[] = [];
      const pool = intercepted(old.pool, (text, values, send) => {
        if (/^(LOCK TABLE|ALTER TABLE .* SET SCHEMA)/.test(text)) locking.push(text.slice(0, 4));
        return send(text, values);
      });
      await installTriggers(pool, { schema: old.schema });
      expect(locking).toEqual(['LOCK', 'LOCK', 'ALTE', 'ALTE', 'ALTE']);
    });

    it('in place, with the schema of the host as that of the library, does the same', async () => {
      await keyedUse(old, 'k');
      const held = await hold(old);
      await install(way, old, { librarySchema: old.schema });
      const options = { schema: old.schema, librarySchema: old.schema };
      expect(await inspectTriggers(old.pool, options)).toMatchObject({ ok: true });
      expect(await installTriggers(old.pool, options)).toMatchObject({ changed: false });
      const repository = new PromoCodeRepository(old.pool, { schema: old.schema });
      expect(await repository.redeem({ ...asked, idempotencyKey: 'k' })).toMatchObject({ ok: true, replayed: true });
      expect(await repository.confirm(held)).toMatchObject({ id: held });
      expect(await publicRights(old.schema)).toEqual([]);
      const earlier = await old.sql(
        `SELECT proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname = :'schema' AND prosrc ~ '-- pg-promo-codes 1'`,
      );
      expect(earlier.rows).toEqual([]);
    });

    it('keeps the rows of both where a service of the first revision has installed once more', async () => {
      await keyedUse(old, 'first');
      const firstHold = await hold(old);
      await install(way, old);
      // A constraint trigger is not replaced by the script of that revision, which looks for its own in its schema.
      await old.sql('DROP TRIGGER recount_promo_code_on_update ON :"schema".promo_codes');
      await installRevision1();
      await keyedUse(old, 'second');
      const secondHold = await hold(old);
      await install(way, old, { counterWrites: 'ignore' });
      await install(way, fresh, { counterWrites: 'ignore' });
      expect(await everything(old)).toEqual(await everything(fresh));
      const repository = new PromoCodeRepository(old.pool, { schema: old.schema });
      for (const key of ['first', 'second'])
        expect(await repository.redeem({ ...asked, idempotencyKey: key })).toMatchObject({ ok: true, replayed: true });
      for (const held of [firstHold, secondHold]) expect(await repository.confirm(held)).toMatchObject({ id: held });
      await assertNoDrift(old.pool, { schema: old.schema });
    });

    it('lets PUBLIC do nothing any more', async () => {
      await install(way, old);
      expect(await publicRights(old.library)).toEqual([]);
      const none = await old.sql(
        `SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname = :'schema' AND relname LIKE 'promo\\_code\\_%' AND relkind = 'r' AND relname <> 'promo_code_uses'`,
      );
      expect(none.rowCount).toBe(0);
    });

    it("takes functions that are the host's own for nothing else", async () => {
      await old.sql(`CREATE FUNCTION :"schema".redeem_promo_codes(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1';
                   CREATE FUNCTION :"schema".my_promo_code() RETURNS text LANGUAGE sql AS 'SELECT 1::text'`);
      await install(way, old);
      const { rows } = await old.sql(
        `SELECT :"schema".redeem_promo_codes('mine', '') AS one, :"schema".my_promo_code() AS two`,
      );
      expect(rows).toEqual([{ one: 'mine', two: '1' }]);
    });

    it('leaves the first revision to the tables that it is for, when other tables of the schema get the library', async () => {
      await keyedUse(old, 'k');
      await old.sql(`CREATE TABLE :"schema".gifts (LIKE :"schema".promo_codes INCLUDING ALL);
                   CREATE TABLE :"schema".gift_uses (LIKE :"schema".promo_code_uses INCLUDING ALL)`);
      const others = { librarySchema: old.library, tables: { codes: { name: 'gifts' }, uses: { name: 'gift_uses' } } };
      await install(way, old, others);
      expect((await old.sql('SELECT FROM :"schema".promo_code_idempotency_keys')).rowCount).toBe(1);
      expect((await old.sql('SELECT FROM :"library".promo_code_idempotency_keys')).rowCount).toBe(0);
      await old.sql(insertUses(1));
      const { rows } = await old.sql('SELECT times_used FROM :"schema".promo_codes');
      expect(rows).toEqual([{ times_used: 2 }]);
    });
  },
);

it('options of the first revision stay when they are left out', async () => {
  await old.sql('DROP FUNCTION :"schema".rollback_promo_code_use(bigint)');
  await installRevision1(
    REVISION_1.replaceAll("guard_promo_code_counters('allow')", "guard_promo_code_counters('reject')"),
  );
  await old.sql(`CREATE TRIGGER verify_promo_code_limits_on_insert AFTER INSERT ON :"schema".promo_code_uses
    REFERENCING NEW TABLE AS new_uses FOR EACH STATEMENT EXECUTE FUNCTION :"schema".verify_promo_code_limits()`);
  await installTriggers(old.pool, { schema: old.schema });
  expect(await inspectTriggers(old.pool, { schema: old.schema })).toMatchObject({
    ok: true,
    counterWrites: 'reject',
    enforceLimits: true,
  });
});

it.each(['uninstallTriggers', 'renderSql'] as const)('%s removes revision 1 as well', async (way) => {
  if (way === 'uninstallTriggers') await uninstallTriggers(old.pool, { schema: old.schema });
  else await old.pool.query(renderSql('uninstall', { schema: old.schema }));
  const { rows } = await old.sql(
    `SELECT proname AS name FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'schema')
     UNION ALL
     SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'schema')
     UNION ALL
     SELECT tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid
      WHERE NOT tgisinternal AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'schema')`,
  );
  expect(rows.map(({ name }) => name).sort()).toEqual(['promo_code_uses', 'promo_codes']);
});

/** What PUBLIC may do in a schema that the library has. */
async function publicRights(schema: string): Promise<string[]> {
  const { rows } = await old.pool.query<{ what: string }>(
    `SELECT relname::text AS what FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace, aclexplode(relacl) AS g
      WHERE nspname = $1 AND g.grantee = 0
     UNION ALL
     SELECT proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace,
            aclexplode(coalesce(proacl, acldefault('f', proowner))) AS g
      WHERE nspname = $1 AND g.grantee = 0`,
    [schema],
  );
  return rows.map(({ what }) => what);
}

/** What an installation consists of, as the catalogs print it, with the names of both schemas taken out. */
async function everything(t: typeof old) {
  const { rows } = await t.sql<{ what: string }>(
    `WITH n AS (SELECT oid FROM pg_namespace WHERE nspname IN (:'schema', :'library'))
     SELECT concat_ws(' ', 'function', p.oid::regprocedure, pg_get_function_result(p.oid), p.proconfig, p.prosecdef, p.proacl,
                      p.prosrc) AS what
       FROM pg_proc AS p, n WHERE p.pronamespace = n.oid
     UNION ALL
     SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled) FROM pg_trigger AS t, pg_class AS c, n
      WHERE c.oid = t.tgrelid AND c.relnamespace = n.oid AND NOT t.tgisinternal
     UNION ALL
     SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid)) FROM pg_index AS i, pg_class AS c, n
      WHERE c.oid = i.indexrelid AND c.relnamespace = n.oid
     UNION ALL
     SELECT concat_ws(' ', 'column', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                      (SELECT array_agg(g) FROM aclexplode(c.relacl) AS g WHERE g.grantee <> c.relowner),
                      c.relrowsecurity, obj_description(c.oid), pg_get_expr(d.adbin, d.adrelid))
       FROM pg_class AS c JOIN n ON c.relnamespace = n.oid JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
       LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE c.relkind = 'r'
     UNION ALL
     SELECT concat_ws(' ', 'policy', p.polname, c.oid::regclass, pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy AS p, pg_class AS c, n
      WHERE c.oid = p.polrelid AND c.relnamespace = n.oid`,
  );
  const names = [t.library, t.schema].flatMap(spellingsOf);
  return rows.map(({ what }) => names.reduce((text, name) => text.replaceAll(name, 'S'), what)).sort();
}

/** A name as the catalogs write it: in an array, in a literal, by itself, and in the text that an installation stores. */
function spellingsOf(name: string): string[] {
  const quoted = pg.escapeIdentifier(name);
  return [
    quoted.replace(/[\\"]/g, '\\$&'),
    quoted.replaceAll("'", "''").replaceAll('\\', '\\\\'),
    quoted.replaceAll("'", "''"),
    quoted,
    pg.escapeLiteral(name),
    name,
    storedName(name),
    name.replaceAll('\\', '\\b').replaceAll('$', '\\d'),
  ];
}
