import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema } from '../support';
import { createHost, expectCounters, expectNoDrift, insert, USE_COLUMNS, USUAL_GRANULARITIES, use } from './host';
import { session, settledOrBlocked } from './session';

const t = useSchema('foreign keys');

/** Replaces the foreign key of the seed, which is ON DELETE CASCADE and cannot be deferred. */
const foreignKey = (actions: string) => `
  ALTER TABLE :"schema".promo_code_uses
    DROP CONSTRAINT promo_code_uses_promo_code_id_fkey,
    ALTER promo_code_id DROP NOT NULL,
    ADD FOREIGN KEY (promo_code_id) REFERENCES :"schema".promo_codes (id) ${actions}`;

const newCode = (id: number) =>
  `INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (${id}, 'N${id}', 'shop')`;

describe.each(USUAL_GRANULARITIES)(
  'whatever the foreign key does, the counters follow (%s triggers)',
  (granularity) => {
    const host = (actions: string) => createHost(t, { granularity, alter: foreignKey(actions) });

    it('ON UPDATE CASCADE: a renumbered code keeps its counters', async () => {
      await host('ON UPDATE CASCADE ON DELETE CASCADE');
      await t.sql(insert(use(1, 1), use(1, 2), use(2, 4)));
      await t.sql('UPDATE :"schema".promo_codes SET id = 101 WHERE id = 1');
      await expectCounters(t, { 2: [1, '4.00'], 101: [2, '3.00'] });
      await t.sql('UPDATE :"schema".promo_codes SET id = id + 1000');
      await expectCounters(t, { 1002: [1, '4.00'], 1101: [2, '3.00'] });
    });

    it('ON UPDATE CASCADE: counters that are written along with a new id do not count', async () => {
      await host('ON UPDATE CASCADE');
      await t.sql(insert(use(1, 1)));
      await t.sql('UPDATE :"schema".promo_codes SET id = 101, times_used = 9, total_bonus_issued = 9 WHERE id = 1');
      await expectCounters(t, { 101: [1, '1.00'] });
    });

    it('ON DELETE SET NULL: the uses stay, and count for none', async () => {
      await host('ON DELETE SET NULL');
      await t.sql(insert(use(1, 1), use(2, 2)));
      await t.sql('DELETE FROM :"schema".promo_codes WHERE id = 1');
      await expectCounters(t, { 2: [1, '2.00'] });
      await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 2');
      await expectCounters(t, { 2: [2, '3.00'] });
    });

    it('ON DELETE SET DEFAULT: another code inherits the uses', async () => {
      await host('ON DELETE SET DEFAULT');
      await t.sql('ALTER TABLE :"schema".promo_code_uses ALTER promo_code_id SET DEFAULT 9');
      await t.sql(insert(use(1, 1), use(2, 2)));
      await t.sql('DELETE FROM :"schema".promo_codes WHERE id IN (1, 2)');
      await expectCounters(t, { 9: [2, '3.00'] });
    });

    it('NO ACTION: a code with uses can be neither deleted nor renumbered', async () => {
      await host('');
      await t.sql(insert(use(1, 1)));
      await expect(t.sql('DELETE FROM :"schema".promo_codes')).rejects.toMatchObject({ code: '23503' });
      await expect(t.sql('UPDATE :"schema".promo_codes SET id = id + 100')).rejects.toMatchObject({ code: '23503' });
      await expectCounters(t, { 1: [1, '1.00'] });
    });

    it('codes that are renumbered in one statement into the ids of others take their uses', async () => {
      await createHost(t, { granularity });
      await t.sql('DELETE FROM :"schema".promo_codes WHERE id > 2');
      await t.sql(insert(use(2, 2), use(2, 4)));
      const { sql } = await session(t);
      await sql('BEGIN');
      // Row by row in the order of the list, so that each finds its next id free. Afterwards id 2 is there, as the key asks.
      await sql('SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off');
      await sql(
        `UPDATE :"schema".promo_codes AS c SET id = v.becomes FROM (VALUES (2, 3), (1, 2)) AS v(was, becomes) WHERE c.id = v.was`,
      );
      await sql('COMMIT');
      await expectCounters(t, { 2: [2, '6.00'] });
    });
  },
);

describe.each(USUAL_GRANULARITIES)(
  'a deferred foreign key lets uses come before their code (%s triggers)',
  (granularity) => {
    beforeEach(() =>
      createHost(t, { granularity, alter: foreignKey('ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED') }),
    );

    it('a code that comes afterwards starts with them', async () => {
      const { sql } = await session(t);
      await sql('BEGIN');
      await sql(insert(use(100, 1), use(100, 2), use(1, 4)));
      await sql(newCode(100));
      await sql(insert(use(100, 8)));
      await sql('COMMIT');
      await expectCounters(t, { 1: [1, '4.00'], 100: [3, '11.00'] });
    });

    it('without the code the commit fails and leaves nothing', async () => {
      const { sql } = await session(t);
      await sql('BEGIN');
      await sql(insert(use(100, 1), use(1, 4)));
      await expect(sql('COMMIT')).rejects.toMatchObject({ code: '23503' });
      await expectCounters(t, {});
    });

    it('a code that is deleted and created again in one transaction loses its uses at the commit', async () => {
      const { sql } = await session(t);
      await sql(insert(use(1, 4)));
      await sql('BEGIN');
      await sql('DELETE FROM :"schema".promo_codes WHERE id = 1');
      await sql(newCode(1));
      await sql('COMMIT');
      await expectCounters(t, {});
    });

    it.each(['INITIALLY DEFERRED', 'INITIALLY IMMEDIATE'])(
      'uses and their code in one statement (%s)',
      async (mode) => {
        await t.sql(
          `ALTER TABLE :"schema".promo_code_uses ALTER CONSTRAINT promo_code_uses_promo_code_id_fkey DEFERRABLE ${mode}`,
        );
        await t.sql(
          `WITH uses AS (INSERT INTO :"schema".promo_code_uses ${USE_COLUMNS} VALUES ${use(100, 1)}, ${use(100, 2)} RETURNING 1)
       INSERT INTO :"schema".promo_codes (id, code, shop_id) SELECT 100, 'N100', 'shop' WHERE (SELECT count(*) FROM uses) = 2`,
        );
        await expectCounters(t, { 100: [2, '3.00'] });
      },
    );

    it.each(['code', 'use'] as const)(
      'a code and its use, by transactions that overlap, the %s first',
      async (first) => {
        const code = { ...(await session(t)), statement: newCode(100) };
        const newUse = { ...(await session(t)), statement: insert(use(100, 1)) };
        const [one, other] = first === 'code' ? [code, newUse] : [newUse, code];
        await one.sql('BEGIN');
        await one.sql(one.statement);
        await other.sql('BEGIN');
        const done = other.sql(other.statement);
        await settledOrBlocked(t, other, done);
        // The use may find its code missing; then it is refused, as the key says.
        const committed = one.sql('COMMIT').catch((error) => expect(error).toMatchObject({ code: '23503' }));
        await settledOrBlocked(t, one, committed);
        await done;
        await other.sql('COMMIT').catch((error) => expect(error).toMatchObject({ code: '23503' }));
        await committed;
        await expectNoDrift(t);
      },
    );
  },
);
