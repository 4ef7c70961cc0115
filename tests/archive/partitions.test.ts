import { describe, expect, it } from 'vitest';
import { archivePartition, archiveUses, inspectTriggers } from '../../src/index';
import { expectCampaigns, newCampaign, put } from '../campaigns/fixture';
import { useSchema } from '../support';
import { counters, createHost, use } from '../triggers/host';

/** Partitions that statement triggers count, and one that came later, which row triggers count. */
const LAYOUTS = [
  {
    name: 'by hash',
    key: 'id, promo_code_id',
    by: 'HASH (promo_code_id)',
    bounds: [0, 1, 2].map((part) => `FOR VALUES WITH (MODULUS 3, REMAINDER ${part})`),
  },
  {
    name: 'by range',
    key: 'id, base_reward',
    by: 'RANGE (base_reward)',
    bounds: [0, 1, 2].map((part) => `FOR VALUES FROM (${part * 10}) TO (${part * 10 + 10})`),
  },
  {
    name: 'on two levels',
    key: 'id, base_reward, promo_code_id',
    by: 'RANGE (base_reward)',
    bounds: [
      'FOR VALUES FROM (0) TO (10) PARTITION BY HASH (promo_code_id)',
      'FOR VALUES FROM (10) TO (20)',
      'FOR VALUES FROM (20) TO (30)',
    ],
    leaves: [0, 1]
      .map(
        (part) =>
          `CREATE TABLE :"schema".part0_${part} PARTITION OF :"schema".part0 FOR VALUES WITH (MODULUS 2, REMAINDER ${part});`,
      )
      .join(''),
  },
];

describe.each(LAYOUTS)('uses that are partitioned $name', ({ key, by, bounds, leaves = '' }) => {
  const t = useSchema('archive partitions');
  const part = (place: number) =>
    `CREATE TABLE :"schema".part${place} PARTITION OF :"schema".promo_code_uses ${bounds[place]};`;
  const alter = `
    DROP TABLE :"schema".promo_code_uses;
    CREATE TABLE :"schema".promo_code_uses (
      id serial, promo_code_id integer NOT NULL REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE,
      customer_address varchar(42), shop_id varchar(100), transaction_id varchar(100), base_reward numeric(18,2) NOT NULL,
      bonus_amount numeric(18,2), total_reward numeric(18,2), used_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (${key})
    ) PARTITION BY ${by}; ${part(0)} ${leaves} ${part(1)}`;
  const write = () =>
    t.sql(
      `INSERT INTO :"schema".promo_code_uses (promo_code_id, bonus_amount, customer_address, shop_id, base_reward, total_reward)
       VALUES ${[1, 2, 3, 4, 5, 6, 7, 8, 9].map((code) => use(code, code).replace(', 10, ', `, ${3 * code}, `)).join(', ')}`,
    );
  const rows = async (table: string) => (await t.sql(`SELECT FROM :"schema".${table}`)).rowCount!;

  it('are carried once, by age and with their partition, and what is detached counts no more', async () => {
    await createHost(t, { alter });
    await t.sql(`CREATE TABLE :"schema".part2 (LIKE :"schema".promo_code_uses INCLUDING ALL);
                 ALTER TABLE :"schema".promo_code_uses ATTACH PARTITION :"schema".part2 ${bounds[2]}`);
    const campaign = await newCampaign(t);
    await t.sql(put(campaign, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    const options = { schema: t.schema };
    await write();
    const once = await counters(t);
    await expectCampaigns(t, { [campaign]: [9, 45] });
    for (const place of [0, 1, 2]) expect(await rows(`part${place}`)).toBeGreaterThan(0);

    const { archived } = await archiveUses(t.pool, { ...options, before: new Date(Date.now() + 60_000), batchSize: 2 });
    expect([archived, await rows('promo_code_uses')]).toEqual([9, 0]);
    expect(await counters(t)).toEqual(once);
    await expectCampaigns(t, { [campaign]: [9, 45] });

    await write();
    const twice = await counters(t);
    await expectCampaigns(t, { [campaign]: [18, 90] });
    for (const [place, action] of [
      [0, 'detach'],
      [2, 'detach'],
      [1, 'drop'],
    ] as const) {
      const partition = `part${place}`;
      const held = await rows(partition);
      expect(await archivePartition(t.pool, { ...options, partition, action })).toEqual({ archived: held });
      if (action === 'detach') {
        const { rows: left } = await t.sql(
          `SELECT t.tgname, c.relname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
            WHERE c.relnamespace = quote_ident(:'schema')::regnamespace AND c.relname LIKE '${partition}%' AND NOT t.tgisinternal`,
        );
        expect(left).toEqual([]);
        await t.sql(`UPDATE :"schema".${partition} SET bonus_amount = 1; DELETE FROM :"schema".${partition}`);
      }
      expect(await counters(t)).toEqual(twice);
      await expectCampaigns(t, { [campaign]: [18, 90] });
    }
    expect((await inspectTriggers(t.pool, options)).ok).toBe(true);
  });
});
