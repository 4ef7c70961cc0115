import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installTriggers } from '../../src/index';
import { cases, useSchema } from '../support';
import { createHost, GRANULARITIES, insert, use } from '../triggers/host';
import { expectCampaigns, newCampaign, put, takeOut } from './fixture';

/** Whatever writes uses, codes or memberships: the counters of campaigns follow. */
const HOSTS = [
  ...GRANULARITIES.map((granularity) => ({ name: `${granularity} triggers`, granularity, alter: '' })),
  {
    name: 'without a foreign key',
    granularity: 'statement' as const,
    alter: 'ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey',
  },
  {
    name: 'an id that cascades',
    granularity: 'statement' as const,
    alter: `ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey;
            ALTER TABLE :"schema".promo_code_uses ADD FOREIGN KEY (promo_code_id) REFERENCES :"schema".promo_codes
              ON DELETE CASCADE ON UPDATE CASCADE`,
  },
];

describe.each(cases('hosts with campaigns', HOSTS, (_, index) => index !== 1))('$name', ({ granularity, alter }) => {
  const t = useSchema('campaigns');
  const hasKey = !alter.startsWith('ALTER TABLE :"schema".promo_code_uses DROP') || alter.includes('ADD');
  let [one, two]: string[] = [];
  beforeAll(() => createHost(t, { granularity, alter }));

  beforeEach(async () => {
    await t.sql('TRUNCATE :"schema".promo_code_uses, :"library".promo_code_campaigns CASCADE');
    await t.sql('DELETE FROM :"schema".promo_codes');
    await t.sql(
      `INSERT INTO :"schema".promo_codes (id, code, shop_id, bonus_value, end_date)
       SELECT n, 'C' || n, 'shop', 5, now() + interval '1 day' FROM generate_series(1, 9) AS n`,
    );
    [one, two] = [await newCampaign(t), await newCampaign(t)];
    await t.sql(put(one, 1, 2, 3));
    await t.sql(put(two, 4, 5));
  });
  const is = (first: [number, number] | null, second: [number, number] | null = null) =>
    expectCampaigns(t, { ...(first && { [one!]: first }), ...(second && { [two!]: second }) });

  it('each write of uses', async () => {
    await t.sql(insert(use(1), use(2, 2), use(4, 1), use(9)));
    await is([2, 7], [1, 1]);
    await t.sql(insert(use(3, 0.5)));
    await is([3, 7.5], [1, 1]);
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 3 WHERE promo_code_id IN (1, 4)');
    await is([3, 5.5], [1, 3]);
    await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 5 WHERE promo_code_id IN (2, 9)');
    await is([2, 3.5], [3, 10]);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id IN (3, 5)');
    await is([1, 3], [1, 3]);
    await t.sql(`INSERT INTO :"schema".promo_code_uses (id, promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
                 SELECT id, 2, 9, 'x', 'shop', 1, 1 FROM :"schema".promo_code_uses WHERE promo_code_id = 4
                 UNION ALL SELECT 1000000, 1, 1, 'x', 'shop', 1, 1
                 ON CONFLICT (id) DO UPDATE SET promo_code_id = excluded.promo_code_id`);
    await is([3, 7]);
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await is(null);
  });

  it('codes that come, leave and change over take their uses along', async () => {
    await t.sql(insert(use(1), use(1), use(4, 1), use(9, 0.25)));
    await t.sql(put(one!, 9, 8));
    await is([3, 10.25], [1, 1]);
    await t.sql(put(two!, 1, 9, 2));
    await is(null, [4, 11.25]);
    await t.sql(takeOut(1, 4));
    await is(null, [1, 0.25]);
    await t.sql(put(one!, 1));
    await t.sql('TRUNCATE :"library".promo_code_campaign_codes');
    await is(null);
  });

  it('a drifted counter of a code is not what goes along', async () => {
    await t.sql(insert(use(9)));
    await t.sql(
      'SET session_replication_role = replica; UPDATE :"schema".promo_codes SET times_used = 70 WHERE id = 9; RESET session_replication_role',
    );
    await t.sql(put(one!, 9));
    await t.sql(
      'SET session_replication_role = replica; UPDATE :"schema".promo_codes SET times_used = 1 WHERE id = 9; RESET session_replication_role',
    );
    await is([1, 5]);
  });

  it('a code that is deleted leaves, with its uses or without', async () => {
    await t.sql(insert(use(1), use(2, 2), use(4, 1)));
    await t.sql('DELETE FROM :"schema".promo_codes WHERE id IN (1, 4)');
    if (hasKey) await is([1, 2]);
    else expect(await members()).toEqual(['2', '3', '5']);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id IN (1, 4)');
    await is([1, 2]);
  });

  it('a code that gets another id stays', async () => {
    await t.sql(insert(use(1), use(2, 2), use(4, 1)));
    if (alter === '') await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 1');
    await t.sql('UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1');
    expect(await members()).toEqual(['100', '2', '3', '4', '5']);
    await t.sql(insert(use(100, 7)));
    if (hasKey) await is(alter === '' ? [2, 9] : [3, 14], [1, 1]);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 1');
    await t.sql('DELETE FROM :"schema".promo_codes WHERE id = 100');
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 100');
    await is([1, 2], [1, 1]);
  });

  it('a code that gets another id is limited at once, and may go on to another campaign', async () => {
    await t.sql(insert(use(4, 1)));
    const client = await t.client();
    const run = (...statements: string[]) => client.query(t.expand(statements.join('; ')));
    const inTransaction = async (...statements: string[]) => {
      await run('BEGIN', ...statements);
      const { rows } = await client.query(
        t.expand('SELECT campaign_id::text AS id FROM :"library".promo_code_campaign_codes WHERE promo_code_id = 100'),
      );
      await run('COMMIT');
      return rows;
    };
    const rename = 'UPDATE :"schema".promo_codes SET id = 100 WHERE id = 1';
    expect(await inTransaction(rename, insert(use(100, 3)))).toEqual([{ id: one }]);
    await is([1, 3], [1, 1]);
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 100');
    await t.sql('UPDATE :"schema".promo_codes SET id = 1 WHERE id = 100');
    expect(await inTransaction(rename, put(two!, 100), insert(use(100, 4)))).toEqual([{ id: two }]);
    await is(null, [2, 5]);
    expect(await members()).toEqual(['100', '2', '3', '4', '5']);
  });

  it('a code that gets the id of one that was deleted is in the campaign that it was in', async () => {
    await t.sql(insert(use(4, 1), use(5, 2)));
    const replace = (from: number, to: number) =>
      t.sql(`BEGIN; DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = ${to};
             DELETE FROM :"schema".promo_codes WHERE id = ${to};
             UPDATE :"schema".promo_codes SET id = ${to} WHERE id = ${from}; COMMIT`);
    await replace(1, 4);
    await t.sql(insert(use(4, 3)));
    await is([1, 3], [1, 2]);
    await replace(9, 5);
    await t.sql(insert(use(5, 4)));
    await is([1, 3]);
    expect(await members()).toEqual(['2', '3', '4']);
  });

  it('a new code of another shop that has the id of one that was deleted is in no campaign', async () => {
    const replace = (id: number, shop: string) =>
      t.sql(`BEGIN; DELETE FROM :"schema".promo_codes WHERE id = ${id};
             INSERT INTO :"schema".promo_codes (id, code, shop_id, bonus_value, end_date)
             VALUES (${id}, 'NEW', '${shop}', 5, now()); COMMIT`);
    await replace(1, 'theirs');
    await replace(2, 'shop');
    expect(await members()).toEqual(['2', '3', '4', '5']);
  });

  it('codes that are truncated leave', async () => {
    await t.sql(insert(use(1), use(4, 1)));
    await t.sql(`TRUNCATE :"schema".promo_codes${hasKey ? ' CASCADE' : ', :"schema".promo_code_uses'}`);
    expect(await members()).toEqual([]);
    await is(null);
  });

  it('codes of a campaign that is deleted stay and are free', async () => {
    await t.sql(insert(use(1), use(4, 1)));
    await t.sql(`DELETE FROM :"library".promo_code_campaigns WHERE id = ${one}`);
    expect(await members()).toEqual(['4', '5']);
    await t.sql(insert(use(1), use(4, 1)));
    await is(null, [2, 2]);
  });

  it('a code that does not exist yet brings what waits for it', async () => {
    await t.sql(put(one!, 77));
    if (!hasKey) await t.sql(insert(use(77)));
    await t.sql(
      `INSERT INTO :"schema".promo_codes (id, code, shop_id, bonus_value, end_date) VALUES (77, 'C77', 'shop', 5, now())`,
    );
    await t.sql(insert(use(77)));
    await is(hasKey ? [1, 5] : [2, 10]);
  });

  const members = async () => {
    const { rows } = await t.sql<{ id: string }>(
      'SELECT promo_code_id::text AS id FROM :"library".promo_code_campaign_codes ORDER BY 1',
    );
    return rows.map(({ id }) => id);
  };
});

describe('the counters of a campaign', () => {
  const t = useSchema('campaign counters');
  beforeAll(() => createHost(t));

  it('are not written by hand', async () => {
    const id = await newCampaign(t);
    await t.sql(put(id, 1));
    await t.sql(insert(use(1)));
    await t.sql(`UPDATE :"library".promo_code_campaigns SET times_used = 7, name = 'other' WHERE id = ${id}`);
    await t.sql(`INSERT INTO :"library".promo_code_campaigns (shop_id, name, times_used) VALUES ('shop', 'new', 5)`);
    await expectCampaigns(t, { [id]: [1, 5] });
  });
});

describe('the index by which a customer is counted over a campaign', () => {
  const t = useSchema('campaign index');
  beforeAll(() => createHost(t));
  const built = async () => (await installTriggers(t.pool, { schema: t.schema })).created;

  it('is built by the next installation after the first campaign, unless the host has one', async () => {
    expect(await built()).toEqual([]);
    await newCampaign(t);
    expect(await built()).toEqual(['promo_code_uses_customer_idx']);
    expect(await built()).toEqual([]);
    await t.sql('DROP INDEX :"schema".promo_code_uses_customer_idx');
    await t.sql('CREATE INDEX own ON :"schema".promo_code_uses (lower(btrim(customer_address)), id)');
    expect(await built()).toEqual([]);
  });
});
