import { beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, repairDrift } from '../../src/index';
import { useSchema } from '../support';
import { counters, createHost, expectCounters, insert, USUAL_GRANULARITIES, use } from './host';
import { session, settledOrBlocked } from './session';

const t = useSchema('orphans');
const beside = useSchema('orphans beside');
const options = { schema: t.schema };

const NO_FOREIGN_KEY = 'ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey';
const newCode = (id: number, more = 'DEFAULT, DEFAULT') =>
  `INSERT INTO :"schema".promo_codes (id, code, shop_id, times_used, total_bonus_issued) VALUES (${id}, 'N${id}', 'shop', ${more})`;
const orphansOf = (promoCodeId: string, actualUses: number, actualBonus: string) => ({
  kind: 'code',
  promoCodeId,
  code: null,
  shopId: null,
  timesUsed: null,
  actualUses,
  totalBonusIssued: null,
  actualBonus,
});

describe.each(USUAL_GRANULARITIES)(
  'uses without a code, on a host without a foreign key (%s triggers)',
  (granularity) => {
    beforeEach(() => createHost(t, { granularity, alter: NO_FOREIGN_KEY }));

    it('are taken, and reported with code null', async () => {
      await t.sql(insert(use(100, 1), use(1, 2), use(100, 4)));
      expect(await counters(t)).toEqual({ 1: [1, '2.00'] });
      expect(await checkDrift(t.pool, options)).toEqual([orphansOf('100', 2, '5.00')]);
      expect(await repairDrift(t.pool, options)).toEqual([]);
    });

    it('can be amended, moved and deleted', async () => {
      await t.sql(insert(use(100, 1), use(100, 2), use(1, 4)));
      await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 8 WHERE bonus_amount = 1');
      await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 1 WHERE bonus_amount = 2');
      await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 101 WHERE bonus_amount = 4');
      expect(await counters(t)).toEqual({ 1: [1, '2.00'] });
      expect(await checkDrift(t.pool, options)).toEqual([orphansOf('100', 1, '8.00'), orphansOf('101', 1, '4.00')]);
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id > 9');
      await expectCounters(t, { 1: [1, '2.00'] });
    });

    it('are adopted by a code that is created afterwards', async () => {
      await t.sql(insert(use(100, 1), use(100, 4)));
      await t.sql(newCode(100));
      await expectCounters(t, { 100: [2, '5.00'] });
      await t.sql(insert(use(100, 8)));
      await expectCounters(t, { 100: [3, '13.00'] });
    });

    it('let no other installation wait, whose codes have the same ids', async () => {
      await createHost(beside, { granularity, alter: NO_FOREIGN_KEY });
      const holder = await t.client();
      await holder.query(t.expand(`BEGIN; ${insert(use(100, 1))}`));
      await beside.sql(`SET lock_timeout = '2s'; ${newCode(100)}; RESET lock_timeout`);
      await expect(t.sql(`SET lock_timeout = 50; ${newCode(100)}`)).rejects.toMatchObject({ code: '55P03' });
      await holder.query('ROLLBACK');
    });

    it('are adopted by a code that says it starts with nothing, or with NULL', async () => {
      await t.sql(insert(use(100, 1), use(101, 4)));
      await t.sql(newCode(100, '0, 0'));
      await t.sql(newCode(101, 'NULL, NULL'));
      await expectCounters(t, { 100: [1, '1.00'], 101: [1, '4.00'] });
    });

    it('are adopted by a code that takes their id, and left by one that gives it up', async () => {
      await t.sql(insert(use(100, 1), use(100, 4), use(1, 16)));
      await t.sql('UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1');
      expect(await counters(t)).toEqual({ 100: [2, '5.00'] });
      expect(await checkDrift(t.pool, options)).toEqual([orphansOf('1', 1, '16.00')]);
    });

    it('stay behind when their code is deleted', async () => {
      await t.sql(insert(use(1, 1), use(2, 2)));
      await t.sql('DELETE FROM :"schema".promo_codes WHERE id = 1');
      expect(await counters(t)).toEqual({ 2: [1, '2.00'] });
      expect(await checkDrift(t.pool, options)).toEqual([orphansOf('1', 1, '1.00')]);
      await t.sql('TRUNCATE :"schema".promo_code_uses');
      await expectCounters(t, {});
    });

    it('and their code can come in one statement', async () => {
      await t.sql(
        `WITH uses AS (${insert(use(100, 1), use(100, 2))} RETURNING 1)
       INSERT INTO :"schema".promo_codes (id, code, shop_id) SELECT 100, 'N', 'shop' WHERE (SELECT count(*) FROM uses) = 2`,
      );
      await expectCounters(t, { 100: [2, '3.00'] });
    });

    /** Runs each in a transaction of its own, the second before the first is committed. */
    async function overlap(first: string, second: string): Promise<void> {
      const [one, other] = [await session(t), await session(t)];
      await one.sql('BEGIN');
      await one.sql(first);
      await other.sql('BEGIN');
      const done = other.sql(second);
      await settledOrBlocked(t, other, done);
      const committed = one.sql('COMMIT');
      await settledOrBlocked(t, one, committed);
      await done;
      await other.sql('COMMIT');
      await committed;
    }

    const WRITES: [name: string, statement: string][] = [
      ['inserted', insert(use(100, 2))],
      ['amended', 'UPDATE :"schema".promo_code_uses SET bonus_amount = 8 WHERE promo_code_id = 100'],
      ['moved to it', 'UPDATE :"schema".promo_code_uses SET promo_code_id = 100 WHERE promo_code_id = 101'],
      ['moved away', 'UPDATE :"schema".promo_code_uses SET promo_code_id = 101 WHERE promo_code_id = 100'],
      ['deleted', 'DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 100'],
    ];

    it.each(WRITES)('can be %s while another transaction creates their code', async (_, statement) => {
      for (const codeFirst of [true, false]) {
        await createHost(t, { granularity, alter: NO_FOREIGN_KEY });
        await t.sql(insert(use(100, 1), use(101, 4)));
        await (codeFirst ? overlap(newCode(100), statement) : overlap(statement, newCode(100)));
        const records = await checkDrift(t.pool, options);
        expect(records.filter(({ code }) => code !== null)).toEqual([]);
      }
    });
  },
);

/** Where there is an index, the uses of a new id are looked up in it whatever the foreign key says. */
const NO_INDEX = 'DROP INDEX :"schema".promo_code_uses_promo_code_id_idx';

it('a foreign key of another column does not keep a new code from adopting its uses', async () => {
  await createHost(t, {
    alter: `${NO_FOREIGN_KEY}; ${NO_INDEX};
      ALTER TABLE :"schema".promo_code_uses ADD referral_code_id integer REFERENCES :"schema".promo_codes (id)`,
  });
  await t.sql(insert(use(100, 1)));
  await t.sql(newCode(100));
  await expectCounters(t, { 100: [1, '1.00'] });
});

it('a foreign key that was never validated does not either', async () => {
  await createHost(t, { alter: `${NO_FOREIGN_KEY}; ${NO_INDEX}; ${insert(use(100, 1), use(101, 2))}` });
  await t.sql(
    `ALTER TABLE :"schema".promo_code_uses ADD FOREIGN KEY (promo_code_id) REFERENCES :"schema".promo_codes (id) NOT VALID`,
  );
  await t.sql(newCode(100));
  await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 101');
  await expectCounters(t, { 100: [1, '1.00'] });
});

it.skipIf(t.version < 18)('nor does one that is not enforced', async () => {
  await createHost(t, {
    alter: `${NO_FOREIGN_KEY}; ${NO_INDEX}; ALTER TABLE :"schema".promo_code_uses
      ADD FOREIGN KEY (promo_code_id) REFERENCES :"schema".promo_codes (id) NOT ENFORCED`,
  });
  await t.sql(insert(use(100, 1)));
  await t.sql(newCode(100));
  await expectCounters(t, { 100: [1, '1.00'] });
});

it('a code that is created while the foreign key is kept starts at zero; without an index, no use is read for it', async () => {
  await createHost(t, { alter: NO_INDEX });
  await t.sql(insert(use(1, 1)));
  const { sql } = await session(t);
  await sql('BEGIN');
  await sql(newCode(100));
  // What waits for the commit happens now, and shows in the figures of this transaction.
  await sql('SET CONSTRAINTS ALL IMMEDIATE');
  const { rows } = await sql(
    `SELECT seq_scan + coalesce(idx_scan, 0) AS scans FROM pg_stat_xact_user_tables
      WHERE schemaname = :'schema' AND relname = 'promo_code_uses'`,
  );
  await sql('COMMIT');
  expect(rows).toEqual([{ scans: '0' }]);
  await expectCounters(t, { 1: [1, '1.00'] });
});
