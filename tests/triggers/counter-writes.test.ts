import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, installTriggers, repairDrift } from '../../src/index';
import { cases, type TestSchema, useSchema } from '../support';
import { counters, createHost, expectCounters, insert, USUAL_GRANULARITIES, use, versionsOfCodes } from './host';
import { session } from './session';

/** A session whose notices are kept. */
async function listening(host: TestSchema) {
  const { sql, client } = await session(host);
  const warnings: { severity?: string; code?: string; message: string }[] = [];
  client.on('notice', (notice) => {
    if (notice.severity === 'WARNING') warnings.push(notice as (typeof warnings)[number]);
  });
  return { sql, warnings };
}

const t = useSchema('counter writes');
const schema = t.schema;

const newCodes = (counterWrites: string) =>
  `INSERT INTO :"schema".promo_codes (id, code, shop_id, times_used, total_bonus_issued) VALUES ${counterWrites}`;

/** Statements that write a counter, as applications do. */
const ALL: [name: string, statement: string][] = [
  ['the counting of the time before', 'UPDATE :"schema".promo_codes SET times_used = times_used + 1 WHERE id = 1'],
  ['the bonus alone', 'UPDATE :"schema".promo_codes SET total_bonus_issued = 99 WHERE id = 1'],
  ['NULL', 'UPDATE :"schema".promo_codes SET times_used = NULL, total_bonus_issued = NULL WHERE id = 1'],
  [
    'a stale row',
    `UPDATE :"schema".promo_codes SET name = 'saved', times_used = 0, total_bonus_issued = 0 WHERE id = 1`,
  ],
  ['UPDATE … FROM', 'UPDATE :"schema".promo_codes AS c SET times_used = n FROM (VALUES (7)) AS v(n) WHERE c.id = 1'],
  [
    'an upsert',
    `${newCodes(`(1, 'C1', 'shop', 0, 0)`)} ON CONFLICT (id)
       DO UPDATE SET name = 'saved', times_used = excluded.times_used, total_bonus_issued = excluded.total_bonus_issued`,
  ],
];

const WRITES = cases('writes of counters', ALL, (_, index) => index % 2 === 0 || index === ALL.length - 1);

describe.each(USUAL_GRANULARITIES)('counterWrites with %s triggers', (granularity) => {
  const host = async (counterWrites: 'allow' | 'ignore' | 'reject', alter = '') => {
    await createHost(t, { granularity, counterWrites, alter });
    await t.sql(insert(use(1, 1), use(1, 2), use(2, 4)));
    await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
  };

  describe('allow', () => {
    beforeEach(() => host('allow'));

    it.each(WRITES)('lets through: %s', async (_, statement) => {
      const before = await counters(t);
      await t.sql(statement);
      expect(await counters(t)).not.toEqual(before);
      expect(await checkDrift(t.pool, { schema })).toMatchObject([
        { promoCodeId: '1', actualUses: 2, actualBonus: '3.00' },
      ]);
      expect(await repairDrift(t.pool, { schema })).toHaveLength(1);
      await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
    });

    it('lets through the counters of a new code, with zero for NULL', async () => {
      await t.sql(newCodes(`(100, 'A', 'shop', 7, 7.5), (101, 'B', 'shop', 8, NULL)`));
      expect(await counters(t)).toMatchObject({ 100: [7, '7.50'], 101: [8, '0.00'] });
    });
  });

  describe('ignore', () => {
    beforeEach(() => host('ignore'));

    it.each(WRITES)('keeps the true values, with one warning: %s', async (_, statement) => {
      const { sql, warnings } = await listening(t);
      expect((await sql(statement)).rowCount).toBe(1);
      expect(warnings).toMatchObject([
        {
          severity: 'WARNING',
          code: '01000',
          table: 'promo_codes',
          schema,
          hint: expect.stringContaining('counterWrites'),
        },
      ]);
      expect(warnings[0]!.message).toMatch(/is ignored: promo code 1 keeps times_used 2 and total_bonus_issued 3\.00/);
      await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
    });

    it('warns once for a statement of many rows, and once more for the next one', async () => {
      const { sql, warnings } = await listening(t);
      await sql('UPDATE :"schema".promo_codes SET times_used = 9, total_bonus_issued = 9');
      expect(warnings).toHaveLength(1);
      expect(warnings[0]!.message).toContain('to times_used and total_bonus_issued of promo_codes is ignored');
      await sql('UPDATE :"schema".promo_codes SET times_used = 9');
      expect(warnings).toHaveLength(2);
      expect(warnings[1]!.message).toContain('to times_used of promo_codes is ignored');
      await sql(newCodes(`(100, 'A', 'shop', 7, 0), (101, 'B', 'shop', 8, 0)`));
      expect(warnings).toHaveLength(3);
      expect(warnings[2]!.message).toContain('the new promo code 100 starts without uses');
      await sql('BEGIN');
      for (let time = 0; time < 2; time += 1) await sql('UPDATE :"schema".promo_codes SET times_used = 9 WHERE id = 1');
      await sql('COMMIT');
      expect(warnings).toHaveLength(5);
      await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
    });

    it('says nothing where nothing was written: a saved row with the true counters, a count, a repair', async () => {
      const { sql, warnings } = await listening(t);
      await sql(
        `UPDATE :"schema".promo_codes SET name = 'saved', times_used = 2, total_bonus_issued = 3.00 WHERE id = 1`,
      );
      await sql(newCodes(`(100, 'A', 'shop', 0, 0), (101, 'B', 'shop', NULL, NULL)`));
      await sql(insert(use(1, 1), use(2, 2), use(3, 4)));
      await sql('UPDATE :"schema".promo_code_uses SET bonus_amount = bonus_amount + 1');
      await sql('UPDATE :"schema".promo_codes SET id = 103 WHERE id = 101');
      await sql('DELETE FROM :"schema".promo_code_uses');
      await sql('TRUNCATE :"schema".promo_code_uses');
      expect(warnings).toEqual([]);
    });

    it('is the default, and an application that counts by itself is right from the first moment', async () => {
      await createHost(t, { granularity });
      await t.sql(`BEGIN;
        UPDATE :"schema".promo_codes SET times_used = times_used + 1, total_bonus_issued = total_bonus_issued + 5 WHERE id = 1;
        ${insert(use(1, 5))};
        COMMIT`);
      await expectCounters(t, { 1: [1, '5.00'] });
    });

    it('keeps what else the statement wrote', async () => {
      await t.sql(`UPDATE :"schema".promo_codes SET name = 'saved', times_used = 0, is_active = false WHERE id = 1`);
      const { rows } = await t.sql('SELECT name, is_active, times_used FROM :"schema".promo_codes WHERE id = 1');
      expect(rows).toEqual([{ name: 'saved', is_active: false, times_used: 2 }]);
    });

    it('starts new codes at zero, whatever they bring', async () => {
      await t.sql(newCodes(`(100, 'A', 'shop', 7, 7.5), (101, 'B', 'shop', NULL, NULL), (102, 'C', 'shop', -1, 0)`));
      await t.sql(insert(use(100, 1)));
      await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'], 100: [1, '1.00'] });
    });

    it('starts new codes with the uses that they find, on a host without a foreign key', async () => {
      await host('ignore', 'ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey');
      await t.sql(insert(use(100, 8)));
      await t.sql(newCodes(`(100, 'A', 'shop', 7, 7.5)`));
      await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'], 100: [1, '8.00'] });
    });

    it('takes no notice of a trigger of the host that counts as well', async () => {
      await t.sql(
        `CREATE FUNCTION :"schema".count_too() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
           UPDATE :"schema".promo_codes SET times_used = times_used + 1, total_bonus_issued = total_bonus_issued + NEW.bonus_amount
            WHERE id = NEW.promo_code_id;
           RETURN NULL;
         END $$;
         CREATE TRIGGER a_count_too AFTER INSERT ON :"schema".promo_code_uses
           FOR EACH ROW EXECUTE FUNCTION :"schema".count_too();
         CREATE TRIGGER z_count_too AFTER INSERT ON :"schema".promo_code_uses
           FOR EACH ROW EXECUTE FUNCTION :"schema".count_too()`,
      );
      await t.sql(insert(use(1, 8), use(2, 16), use(1, 32)));
      await expectCounters(t, { 1: [4, '43.00'], 2: [2, '20.00'] });
    });
  });

  describe('reject', () => {
    beforeEach(() => host('reject'));

    it.each(WRITES.filter(([name]) => name !== 'an upsert'))(
      'raises PC001 and changes nothing: %s',
      async (_, statement) => {
        const before = await versionsOfCodes(t);
        await expect(t.sql(statement)).rejects.toMatchObject({ code: 'PC001', table: 'promo_codes', schema });
        expect(await versionsOfCodes(t)).toBe(before);
      },
    );

    it('raises PC001 for an upsert that would reset the counters, and for a new code that brings its own', async () => {
      await expect(t.sql(WRITES.at(-1)![1])).rejects.toMatchObject({ code: 'PC001' });
      for (const values of [`(100, 'A', 'shop', 7, 0)`, `(100, 'A', 'shop', NULL, 7.5)`, `(100, 'A', 'shop', -1, 0)`]) {
        await expect(t.sql(newCodes(values)), values).rejects.toMatchObject({ code: 'PC001' });
      }
    });

    it('lets through what changes no counter', async () => {
      await t.sql(
        newCodes(`(100, 'A', 'shop', 0, 0), (101, 'B', 'shop', NULL, 0.00), (102, 'C', 'shop', DEFAULT, DEFAULT)`),
      );
      await t.sql(
        `UPDATE :"schema".promo_codes SET name = 'saved', times_used = 2, total_bonus_issued = 3.00 WHERE id = 1`,
      );
      await t.sql('UPDATE :"schema".promo_codes SET id = 103 WHERE id = 102');
      await t.sql('DELETE FROM :"schema".promo_codes WHERE id = 101');
      await expectCounters(t, { 1: [2, '3.00'], 2: [1, '4.00'] });
    });

    it('raises PC001 inside a transaction that counts as well, before and after', async () => {
      for (const counted of ['SELECT 1', insert(use(1, 8)), 'TRUNCATE :"schema".promo_code_uses']) {
        const { sql } = await session(t);
        await sql('BEGIN');
        await sql(counted);
        await expect(sql(WRITES[0]![1])).rejects.toMatchObject({ code: 'PC001' });
        await sql('ROLLBACK');
      }
    });
  });

  describe.each(cases('guards beside the library', ['ignore', 'reject'] as const, (one) => one === 'ignore'))(
    '%s does not stand in the way of the library itself',
    (counterWrites) => {
      it('every way of counting', async () => {
        await host(counterWrites);
        await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 8, promo_code_id = 3 WHERE bonus_amount = 2');
        await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
        await expectCounters(t, { 2: [1, '4.00'], 3: [1, '8.00'] });
        await t.sql('TRUNCATE :"schema".promo_code_uses');
        await expectCounters(t, {});
      });

      it('a recount by a trigger, repairDrift, and installing', async () => {
        for (const mend of ['trigger', 'repairDrift', 'installTriggers']) {
          await host(counterWrites);
          await t.sql(
            `ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER;
           UPDATE :"schema".promo_codes SET times_used = 0, total_bonus_issued = NULL WHERE id = 1;
           ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER`,
          );
          if (mend === 'trigger') await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
          if (mend === 'repairDrift') expect(await repairDrift(t.pool, { schema })).toHaveLength(1);
          if (mend === 'installTriggers') {
            const report = await installTriggers(t.pool, { schema, granularity, counterWrites, enforceLimits: true });
            expect(report.repaired).toHaveLength(1);
          }
          const left: [number, string] = mend === 'trigger' ? [1, '2.00'] : [2, '3.00'];
          await expectCounters(t, { 1: left, 2: [1, '4.00'] });
        }
      });

      it('a renumbered code, whose uses follow it', async () => {
        await host(
          counterWrites,
          `ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey,
           ADD FOREIGN KEY (promo_code_id) REFERENCES :"schema".promo_codes (id) ON UPDATE CASCADE`,
        );
        await t.sql('UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1');
        await expectCounters(t, { 2: [1, '4.00'], 100: [2, '3.00'] });
      });

      it('the guard is closed again after a count, also one that failed and was caught', async () => {
        await host(counterWrites);
        await t.sql('ALTER TABLE :"schema".promo_codes ADD CHECK (total_bonus_issued < 100)');
        const { sql } = await session(t);
        await sql('BEGIN');
        await sql(insert(use(1, 8)));
        await sql(`DO $$ BEGIN ${t.expand(insert(use(1, 500)))}; EXCEPTION WHEN check_violation THEN NULL; END $$`);
        const attempt = sql(`UPDATE :"schema".promo_codes SET times_used = 77 WHERE id = 1`);
        if (counterWrites === 'reject') await expect(attempt).rejects.toMatchObject({ code: 'PC001' });
        else await attempt;
        await sql('COMMIT');
        await expectCounters(t, { 1: counterWrites === 'reject' ? [2, '3.00'] : [3, '11.00'], 2: [1, '4.00'] });
      });
    },
  );
});
