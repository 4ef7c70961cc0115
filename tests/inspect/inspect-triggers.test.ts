import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, DriftError, inspectTriggers, installTriggers, type ObjectState } from '../../src/index';
import { SQL_REVISION } from '../../src/inspect/definition';
import { useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql } = useSchema('inspect');

beforeEach(async () => {
  await sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`);
  await installTriggers(pool, { schema });
});

async function faults(): Promise<ObjectState[]> {
  const { objects, ok } = await inspectTriggers(pool, { schema });
  const found = objects.filter(({ state }) => state !== 'ok');
  expect(ok).toBe(found.length === 0);
  return found;
}

describe('an object that is not in order', () => {
  it.each<[string, string, string, ObjectState['state']]>([
    [
      'dropped',
      'DROP TRIGGER count_promo_code_uses_on_update ON :"schema".promo_code_uses',
      'count_promo_code_uses_on_update',
      'missing',
    ],
    [
      'disabled',
      'ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER promo_code_uses_delete_trigger',
      'promo_code_uses_delete_trigger',
      'disabled',
    ],
    [
      'on replicas only',
      'ALTER TABLE :"schema".promo_code_uses ENABLE REPLICA TRIGGER promo_code_uses_delete_trigger',
      'promo_code_uses_delete_trigger',
      'disabled',
    ],
    [
      'altered',
      `DROP TRIGGER promo_code_uses_insert_trigger ON :"schema".promo_code_uses;
                 CREATE TRIGGER promo_code_uses_insert_trigger AFTER INSERT ON :"schema".promo_code_uses FOR EACH ROW
                   WHEN (NEW.bonus_amount > 1) EXECUTE FUNCTION :"library".update_promo_code_stats_on_insert()`,
      'promo_code_uses_insert_trigger',
      'outdated',
    ],
    [
      'a body edited',
      `CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_delete() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
      'update_promo_code_stats_on_delete',
      'outdated',
    ],
    [
      'open to everybody',
      'GRANT EXECUTE ON FUNCTION :"library".recount_promo_code_stats(bigint) TO PUBLIC',
      'recount_promo_code_stats',
      'outdated',
    ],
    [
      'without its search_path',
      'ALTER FUNCTION :"library".recount_promo_code_stats(bigint) RESET search_path',
      'recount_promo_code_stats',
      'outdated',
    ],
    [
      'as invoker',
      'ALTER FUNCTION :"library".update_promo_code_stats_on_insert() SECURITY INVOKER',
      'update_promo_code_stats_on_insert',
      'outdated',
    ],
  ])('%s: is named with the SQL that mends it', async (_, change, name, state) => {
    await sql(change);
    const found = await faults();
    expect(found).toMatchObject([{ name, state }]);
    await expect(assertNoDrift(pool, { schema })).rejects.toThrow(DriftError);
    await pool.query(found[0]!.fix!);
    expect(await faults()).toEqual([]);
  });

  it('is put right by installTriggers, and what was missed is counted', async () => {
    await sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER promo_code_uses_insert_trigger');
    await sql(insertUses(1));
    const report = await installTriggers(pool, { schema });
    expect(report).toMatchObject({ replaced: ['promo_code_uses_insert_trigger'], repaired: [{ promoCodeId: '1' }] });
    await assertNoDrift(pool, { schema });
  });

  it('that fires always, for a logical-replication subscriber, is in order', async () => {
    await sql('ALTER TABLE :"schema".promo_code_uses ENABLE ALWAYS TRIGGER promo_code_uses_delete_trigger');
    expect(await faults()).toEqual([]);
  });
});

describe('a trigger that the library does not know', () => {
  const counting = `
    CREATE FUNCTION :"schema".old_count() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE :"schema".promo_codes SET updated_at = now(), times_used = times_used + 1 WHERE id = NEW.promo_code_id;
      RETURN NEW;
    END $$;
    CREATE TRIGGER old_count AFTER INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".old_count()`;

  it('and that writes the counters is foreign, and left alone', async () => {
    await sql(counting);
    expect(await faults()).toMatchObject([{ name: 'old_count', table: `${schema}.promo_code_uses`, state: 'foreign' }]);
    const report = await installTriggers(pool, { schema });
    expect(report).toMatchObject({ changed: false, foreign: [`old_count on ${schema}.promo_code_uses`] });
    await sql((await faults())[0]!.fix!);
    expect(await faults()).toEqual([]);
  });

  it("and that calls one of the library's functions a second time is foreign", async () => {
    await sql(`CREATE TRIGGER again AFTER INSERT ON :"schema".promo_code_uses REFERENCING NEW TABLE AS new_uses
               FOR EACH STATEMENT EXECUTE FUNCTION :"library".update_promo_code_stats_on_insert()`);
    expect(await faults()).toMatchObject([{ name: 'again', state: 'foreign' }]);
  });

  it('and that only reads them is none of its business', async () => {
    await sql(`
      CREATE FUNCTION :"schema".audit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.times_used = OLD.times_used THEN RETURN NEW; END IF;
        RAISE DEBUG 'times_used is %', NEW.times_used;
        RETURN NEW;
      END $$;
      CREATE TRIGGER audit BEFORE UPDATE ON :"schema".promo_codes FOR EACH ROW EXECUTE FUNCTION :"schema".audit()`);
    expect(await faults()).toEqual([]);
  });
});

describe('objects of a newer version', () => {
  it('are told, and left alone with a clear error', async () => {
    const body = `BEGIN\n-- pg-promo-codes ${SQL_REVISION + 1}\nRETURN NULL; END`;
    await sql(
      `CREATE OR REPLACE FUNCTION :"library".update_promo_code_stats_on_delete() RETURNS trigger LANGUAGE plpgsql AS $$${body}$$`,
    );
    expect(await faults()).toMatchObject([{ name: 'update_promo_code_stats_on_delete', state: 'newer', fix: null }]);
    await expect(installTriggers(pool, { schema, counterWrites: 'reject' })).rejects.toMatchObject({
      name: 'NewerInstallationError',
      code: 'NEWER_INSTALLATION',
      found: SQL_REVISION + 1,
      supported: SQL_REVISION,
    });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({
      counterWrites: 'ignore',
      revision: SQL_REVISION + 1,
    });
  });
});
