import { describe, expect, it } from 'vitest';
import { assertNoDrift } from '../../src/index';
import { useSchema } from '../support';
import { createHost, expectCounters, insert, USE_COLUMNS, USUAL_GRANULARITIES, use } from './host';
import { session } from './session';

const t = useSchema('mid-flight');

function hostTrigger(timing: string, table: string, body: string): string {
  return `CREATE FUNCTION :"schema".host_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
          CREATE TRIGGER host_trigger ${timing} ON :"schema".${table} FOR EACH ROW EXECUTE FUNCTION :"schema".host_trigger()`;
}

describe.each(USUAL_GRANULARITIES)(
  'a difference that comes before the one that it takes back (%s triggers)',
  (granularity) => {
    it.each([
      [
        'a host trigger that caps an amount',
        `UPDATE :"schema".promo_code_uses SET bonus_amount = 4 WHERE id = NEW.id AND bonus_amount > 4; RETURN NULL;`,
        { 1: [1, '4.00'] },
      ],
      [
        'a host trigger that removes a use',
        `DELETE FROM :"schema".promo_code_uses WHERE id = NEW.id; RETURN NULL;`,
        {},
      ],
      [
        'a host trigger that moves a use',
        `UPDATE :"schema".promo_code_uses SET promo_code_id = 2 WHERE id = NEW.id AND promo_code_id = 1; RETURN NULL;`,
        { 2: [1, '10.00'] },
      ],
    ] as const)('%s while it is inserted', async (_, body, expected) => {
      await createHost(t, { granularity });
      await t.sql(hostTrigger('AFTER INSERT', 'promo_code_uses', body));
      await t.sql(insert(use(1, 10)));
      await expectCounters(t, expected as never);
    });

    it('a host trigger that replaces the earlier use of a customer', async () => {
      await createHost(t, { granularity });
      const body = 'DELETE FROM :"schema".promo_code_uses WHERE customer_address = NEW.customer_address; RETURN NEW;';
      await t.sql(hostTrigger('BEFORE INSERT', 'promo_code_uses', body));
      await t.sql(insert(use(1, 5, 'a'), use(1, 5, 'a')));
      await expectCounters(t, { 1: [1, '5.00'] });
    });

    it('corrections that are written before, or in one statement with, what they correct', async () => {
      await createHost(t, { granularity });
      await t.sql(insert(use(1, -5), use(1, 10)));
      await expectCounters(t, { 1: [2, '5.00'] });
      await t.sql(`WITH gone AS (DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 10 RETURNING 1)
                 INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} SELECT 1, 20, 'b', 'shop', 1, 1 FROM gone`);
      await expectCounters(t, { 1: [2, '15.00'] });
      await expect(t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 20')).rejects.toMatchObject({
        code: 'PC004',
      });
      await expectCounters(t, { 1: [2, '15.00'] });
    });
  },
);

describe('a new or changed id', () => {
  it('takes no scan of the uses on a host whose foreign key has no index', async () => {
    await createHost(t, { alter: 'DROP INDEX :"schema".promo_code_uses_promo_code_id_idx' });
    const { sql } = await session(t);
    const scans = async () => {
      const seen = await sql(`SELECT coalesce(sum(seq_scan), 0)::int AS scans FROM pg_stat_xact_user_tables
                              WHERE schemaname = :'schema' AND relname = 'promo_code_uses'`);
      return seen.rows[0]?.scans;
    };
    await sql('BEGIN');
    await sql(
      `INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'N' || n, 'shop' FROM generate_series(1, 50) AS n`,
    );
    expect(await scans()).toBe(0);
    await sql('COMMIT');
  });
});

it("the library's own writes are told from a host trigger's in the middle of one of them", async () => {
  await createHost(t, { counterWrites: 'ignore' });
  const body = `IF NEW.id = 1 AND NEW.times_used IS DISTINCT FROM OLD.times_used THEN ${insert(use(2, 1))}; END IF; RETURN NEW;`;
  await t.sql(hostTrigger('BEFORE UPDATE', 'promo_codes', body).replaceAll('host_trigger', 'a_first'));
  await t.sql(insert(use(1, 5)));
  await expectCounters(t, { 1: [1, '5.00'], 2: [1, '1.00'] });
});

it.each(['REPEATABLE READ', 'SERIALIZABLE'])(
  'TRUNCATE under %s, whose snapshot may be too old, is refused',
  async (level) => {
    await createHost(t);
    const { sql } = await session(t);
    await sql(`BEGIN ISOLATION LEVEL ${level}; SELECT FROM :"schema".promo_codes`);
    await t.sql(insert(use(1, 5)));
    await expect(sql('TRUNCATE :"schema".promo_code_uses')).rejects.toMatchObject({ code: '0A000' });
    await sql('ROLLBACK');
    await assertNoDrift(t.pool, { schema: t.schema });
  },
);

it('a use that changes hands makes a concurrent REPEATABLE READ redemption of that customer fail', async () => {
  await createHost(t, { enforceLimits: true });
  await t.sql('UPDATE :"schema".promo_codes SET per_customer_limit = 1');
  await t.sql(insert(use(1, 5, 'other')));
  const { sql } = await session(t);
  await sql('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM :"schema".promo_codes');
  await t.sql(`UPDATE :"schema".promo_code_uses SET customer_address = 'ann'`);
  await expect(sql(insert(use(1, 5, 'ann')))).rejects.toMatchObject({ code: '40001' });
  await sql('ROLLBACK');
});
