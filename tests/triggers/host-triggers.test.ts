import { beforeEach, describe, expect, it } from 'vitest';
import { inspectTriggers } from '../../src/index';
import { useSchema } from '../support';
import { createHost, expectCounters, insert, USUAL_GRANULARITIES, use } from './host';

const t = useSchema('host triggers');

/** A trigger of the host, with a body that may name its tables without their schema. */
const hostTrigger = (name: string, when: string, body: string, declare = '') =>
  t.sql(
    `CREATE FUNCTION :"schema".${name}() RETURNS trigger LANGUAGE plpgsql AS $host$ ${declare} BEGIN ${body} END $host$;
     CREATE TRIGGER ${name} ${when} FOR EACH ROW EXECUTE FUNCTION :"schema".${name}()`,
  );

const EVERY_WRITE = [
  insert(use(1, 10)),
  'UPDATE :"schema".promo_code_uses SET bonus_amount = 3 WHERE bonus_amount = 2',
  'UPDATE :"schema".promo_code_uses SET promo_code_id = 3 WHERE bonus_amount = 2',
  'DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1',
  'TRUNCATE :"schema".promo_code_uses',
];

describe.each(USUAL_GRANULARITIES)(
  'triggers and rules that the host has on promo_codes (%s triggers)',
  (granularity) => {
    beforeEach(async () => {
      await createHost(t, { granularity });
      await t.sql(insert(use(1, 1), use(2, 2)));
    });

    it('one that suppresses the update makes the write fail, with PC005', async () => {
      await hostTrigger('suppress', 'BEFORE UPDATE ON :"schema".promo_codes', 'RETURN NULL;');
      for (const statement of EVERY_WRITE) {
        await expect(t.sql(statement), statement).rejects.toMatchObject({ code: 'PC005', table: 'promo_codes' });
      }
      await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
    });

    it('one that suppresses the update of some codes makes only those fail', async () => {
      const body = 'RETURN CASE WHEN NEW.id = 2 THEN NULL ELSE NEW END;';
      await hostTrigger('suppress', 'BEFORE UPDATE ON :"schema".promo_codes', body);
      await t.sql(insert(use(1, 10)));
      await expect(t.sql(insert(use(1, 10), use(2, 10)))).rejects.toMatchObject({ code: 'PC005' });
      await expectCounters(t, { 1: [2, '11.00'], 2: [1, '2.00'] });
    });

    it('a rule that does nothing instead makes the write fail', async () => {
      await t.sql('CREATE RULE instead AS ON UPDATE TO :"schema".promo_codes DO INSTEAD NOTHING');
      for (const statement of EVERY_WRITE) await expect(t.sql(statement), statement).rejects.toThrow();
      await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
    });

    it('an audit trail that names its table without the schema goes on', async () => {
      await t.sql('CREATE TABLE :"schema".audit (code text, was int, is_now int)');
      await hostTrigger(
        'audit',
        'AFTER UPDATE ON :"schema".promo_codes',
        'INSERT INTO audit VALUES (NEW.code, OLD.times_used, NEW.times_used); RETURN NULL;',
      );
      await t.sql(insert(use(1, 10)));
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 2');
      const { rows } = await t.sql('SELECT * FROM :"schema".audit');
      expect(rows).toEqual([
        { code: 'C1', was: 1, is_now: 2 },
        { code: 'C2', was: 1, is_now: 0 },
      ]);
      await expectCounters(t, { 1: [2, '11.00'] });
    });

    it('one that sets updated_at itself has the last word', async () => {
      await hostTrigger(
        'touch',
        'BEFORE UPDATE ON :"schema".promo_codes',
        `NEW.updated_at := timestamp '2000-01-01'; RETURN NEW;`,
      );
      await t.sql(insert(use(1, 10)));
      const { rows } = await t.sql('SELECT updated_at::text FROM :"schema".promo_codes WHERE id = 1');
      expect(rows).toEqual([{ updated_at: '2000-01-01 00:00:00' }]);
      await expectCounters(t, { 1: [2, '11.00'], 2: [1, '2.00'] });
    });

    it('one that fails makes the write fail', async () => {
      await hostTrigger(
        'refuse',
        'BEFORE UPDATE ON :"schema".promo_codes',
        `RAISE EXCEPTION 'not today' USING ERRCODE = 'HT001';`,
      );
      for (const statement of EVERY_WRITE) {
        await expect(t.sql(statement), statement).rejects.toMatchObject({ code: 'HT001' });
      }
      await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
    });

    it('a generated column that follows the counter, and a constraint on it, hold', async () => {
      await t.sql(
        `ALTER TABLE :"schema".promo_codes ADD twice integer GENERATED ALWAYS AS (times_used * 2) STORED, ADD CHECK (twice < 6)`,
      );
      await t.sql(insert(use(1, 10)));
      await expect(t.sql(insert(use(1, 10)))).rejects.toMatchObject({ code: '23514' });
      const { rows } = await t.sql('SELECT twice FROM :"schema".promo_codes WHERE id = 1');
      expect(rows).toEqual([{ twice: 4 }]);
      await expectCounters(t, { 1: [2, '11.00'], 2: [1, '2.00'] });
    });
  },
);

describe.each(USUAL_GRANULARITIES)('triggers that the host has on promo_code_uses (%s triggers)', (granularity) => {
  beforeEach(() => createHost(t, { granularity }));

  it('what counts is what was stored, after a trigger has changed it or has left it out', async () => {
    await hostTrigger(
      'change',
      'BEFORE INSERT OR UPDATE ON :"schema".promo_code_uses',
      `IF NEW.customer_address = 'ghost' THEN RETURN NULL; END IF;
       NEW.bonus_amount := NEW.bonus_amount * 2; NEW.promo_code_id := NEW.promo_code_id + 1; RETURN NEW;`,
    );
    await t.sql(insert(use(1, 1), use(1, 2, 'ghost'), use(2, 4)));
    await expectCounters(t, { 2: [1, '2.00'], 3: [1, '8.00'] });
    await t.sql('UPDATE :"schema".promo_code_uses SET base_reward = 0 WHERE promo_code_id = 2');
    await expectCounters(t, { 3: [2, '12.00'] });
  });

  it('a delete that a trigger prevents is not counted', async () => {
    await t.sql(insert(use(1, 1), use(1, 2)));
    const body = 'RETURN CASE WHEN OLD.bonus_amount > 1 THEN OLD END;';
    await hostTrigger('keep', 'BEFORE DELETE ON :"schema".promo_code_uses', body);
    await t.sql('DELETE FROM :"schema".promo_code_uses');
    await expectCounters(t, { 1: [1, '1.00'] });
  });

  it('uses that a trigger adds, changes and deletes on its own are counted too', async () => {
    await t.sql(insert(use(1, 1), use(1, 2)));
    await hostTrigger(
      'more',
      'AFTER INSERT ON :"schema".promo_code_uses',
      `IF NEW.customer_address = 'someone' THEN
         INSERT INTO promo_code_uses (promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
         VALUES (NEW.promo_code_id + 1, 0.5, 'referrer', 'shop', 1, 1), (NEW.promo_code_id, 0.25, 'referrer', 'shop', 1, 1);
         UPDATE promo_code_uses SET bonus_amount = bonus_amount + 100 WHERE bonus_amount = 1;
         DELETE FROM promo_code_uses WHERE bonus_amount = 2;
       END IF;
       RETURN NULL;`.replaceAll('promo_code_uses', ':"schema".promo_code_uses'),
    );
    await t.sql(insert(use(1, 4), use(2, 8)));
    await expectCounters(t, { 1: [3, '105.25'], 2: [3, '8.75'], 3: [1, '0.50'] });
  });

  it.each(['aaa', 'zzz'])(
    'a use that a trigger named %s deletes as soon as it is inserted is not counted',
    async (name) => {
      await hostTrigger(
        name,
        'AFTER INSERT ON :"schema".promo_code_uses',
        'DELETE FROM :"schema".promo_code_uses WHERE id = NEW.id; RETURN NULL;',
      );
      await t.sql(insert(use(1, 4), use(2, 8), use(1, 2)));
      await expectCounters(t, {});
    },
  );

  it('one that counts as well is foreign', async () => {
    await hostTrigger(
      'count_too',
      'AFTER INSERT ON :"schema".promo_code_uses',
      'UPDATE :"schema".promo_codes SET times_used = times_used + 1 WHERE id = NEW.promo_code_id; RETURN NULL;',
    );
    await hostTrigger(
      'clamp',
      'BEFORE UPDATE ON :"schema".promo_codes',
      'NEW.times_used := least(NEW.times_used, 2); RETURN NEW;',
    );
    const { ok, objects } = await inspectTriggers(t.pool, { schema: t.schema });
    expect(ok).toBe(false);
    const foreign = objects.filter(({ state }) => state === 'foreign').map(({ name }) => name);
    expect(foreign.sort()).toEqual(['clamp', 'count_too']);
  });
});
