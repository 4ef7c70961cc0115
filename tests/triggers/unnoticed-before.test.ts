import { expect, it } from 'vitest';
import { repairDrift } from '../../src/index';
import { useRole, useSchema, waitUntilBlocked } from '../support';
import { createHost, expectCounters, GRANULARITIES, insert, unguarded, use } from './host';
import { session } from './session';

/** What careless edits of the counting functions took away without a test going red. */
const t = useSchema('unnoticed');
const reader = useRole({ label: 'reader' });

it.each(GRANULARITIES)(
  'two codes below zero are recounted by one statement with a use of each (%s)',
  async (granularity) => {
    await createHost(t, { granularity });
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = -1, total_bonus_issued = -1 WHERE id < 3'));
    await t.sql(insert(use(1, 2), use(2, 4), use(3, 8)));
    await expectCounters(t, { 1: [1, '2.00'], 2: [1, '4.00'], 3: [1, '8.00'] });
  },
);

it.each(GRANULARITIES)('one statement over several codes moves updated_at of each (%s)', async (granularity) => {
  await createHost(t, { granularity });
  await t.sql(unguarded(`UPDATE :"schema".promo_codes SET updated_at = '2000-01-01'`));
  await t.sql(insert(use(1), use(2), use(1)));
  const { rows } = await t.sql<{ id: number }>(
    `SELECT id FROM :"schema".promo_codes WHERE updated_at > '2001-01-01' ORDER BY id`,
  );
  expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
});

it.each(GRANULARITIES)(
  'a use that arrives while its code commits is counted, without a foreign key (%s)',
  async (granularity) => {
    await createHost(t, {
      granularity,
      alter: 'ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey',
    });
    const creator = await session(t);
    const user = await session(t);
    await creator.sql('BEGIN');
    await creator.sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (100, 'NEW', 'shop')`);
    // The recount of the commit, with the transaction still open.
    await creator.sql('SET CONSTRAINTS ALL IMMEDIATE');
    const arriving = user.sql(insert(use(100, 3)));
    await waitUntilBlocked(t.pool, user.client);
    await creator.sql('COMMIT');
    await arriving;
    await expectCounters(t, { 100: [1, '3.00'] });
  },
);

it('repairDrift in the transaction of the host leaves the guard closed', async () => {
  await createHost(t, { counterWrites: 'reject' });
  await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = 1'));
  const { client, sql } = await session(t);
  await sql('BEGIN');
  expect(await repairDrift(client, { schema: t.schema })).toHaveLength(1);
  await expect(sql('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = 2')).rejects.toMatchObject({
    code: 'PC001',
  });
  await sql('ROLLBACK');
});

it('so does a recount by the triggers', async () => {
  await createHost(t, { counterWrites: 'reject' });
  await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = 1'));
  const { sql } = await session(t);
  await sql('BEGIN');
  expect((await sql('SELECT :"library".recount_promo_code_stats(1) AS corrected')).rows).toEqual([{ corrected: true }]);
  await expect(sql('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = 2')).rejects.toMatchObject({
    code: 'PC001',
  });
  await sql('ROLLBACK');
});

it('a role that may only read changes nothing in the tables of the library', async () => {
  await createHost(t);
  await t.sql(
    `GRANT USAGE ON SCHEMA :"schema" TO ${reader.quoted}; GRANT SELECT ON :"schema".promo_code_uses TO ${reader.quoted};
     INSERT INTO :"library".promo_code_rate_limits VALUES ('ip', 5, 9)`,
  );
  const { sql } = await session(t, reader.login);
  const refused = async () => {
    for (const statement of [
      'SELECT FROM :"library".promo_code_rate_limits',
      'UPDATE :"library".promo_code_rate_limits SET points = 0',
      'DELETE FROM :"library".promo_code_rate_limits',
      `INSERT INTO :"library".promo_code_rate_limits VALUES ('x', 1, 1)`,
    ]) {
      await expect(sql(statement), statement).rejects.toMatchObject({ code: '42501' });
    }
  };
  await refused();
  // Nor does it where somebody opens the schema.
  await t.sql(`GRANT USAGE ON SCHEMA :"library" TO ${reader.quoted}`);
  await refused();
  expect((await t.sql('SELECT points FROM :"library".promo_code_rate_limits')).rows).toEqual([{ points: 5 }]);
});
