import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installTriggers,
  renderSql,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';
import { createHost, insert, unguarded, use } from '../triggers/host';
import { expectCampaigns, newCampaign, put } from './fixture';

const t = useSchema('campaign installing');
const { pool, schema } = t;
let [one, two]: string[] = [];

beforeEach(async () => {
  await t.sql('DROP SCHEMA IF EXISTS :"library" CASCADE; DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
  await createHost(t);
  [one, two] = [await newCampaign(t), await newCampaign(t, { shop_id: 'other' })];
  await t.sql(put(one, 1, 2));
  await t.sql(put(two, 3));
  await t.sql(insert(use(1), use(2, 1.5), use(3)));
});
const drifted = (campaign: string, uses: number) =>
  t.sql(unguarded(`UPDATE :"library".promo_code_campaigns SET times_used = ${uses} WHERE id = ${campaign}`));
const record = (campaignId: string, shopId: string, timesUsed: number, actualUses: number, bonus: string) => ({
  ...{ kind: 'campaign', promoCodeId: null, campaignId, code: null, shopId, timesUsed, actualUses },
  ...{ totalBonusIssued: bonus, actualBonus: bonus },
});

describe('drift of campaigns', () => {
  it('is found by each way to look for it, told apart from that of codes, and repaired', async () => {
    await drifted(one!, 7);
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 9 WHERE id = 2'));
    const ofCampaign = record(one!, 'shop', 7, 2, '6.50');
    const found = await checkDrift(pool, { schema });
    expect(found).toMatchObject([{ kind: 'code', promoCodeId: '2' }, ofCampaign]);
    expect(found[1]).toEqual(ofCampaign);
    const streamed = [];
    for await (const one of streamDrift(pool, { schema, batchSize: 1 })) streamed.push(one);
    expect(streamed).toEqual(found);
    expect((await t.sql(renderSql('drift', { schema }))).rows).toMatchObject([{ kind: 'code' }, { kind: 'campaign' }]);
    expect(await checkDrift(pool, { schema, promoCodeIds: [2] })).toMatchObject([{ kind: 'code' }]);
    expect(await checkDrift(pool, { schema, campaignIds: [one!, two!] })).toEqual([ofCampaign]);
    expect(await checkDrift(pool, { schema, campaignIds: [one!], promoCodeIds: [2] })).toEqual(found);
    expect(await checkDrift(pool, { schema, shopId: 'other' })).toEqual([]);
    await expect(checkDrift(pool, { schema, campaignIds: ['x'] })).rejects.toMatchObject({ code: 'VALIDATION' });
    await expect(assertNoDrift(pool, { schema })).rejects.toThrow(`campaign ${one}`);
    expect(await repairDrift(pool, { schema, dryRun: true })).toEqual(found);
    expect(await repairDrift(pool, { schema })).toEqual(found);
    await expectCampaigns(t, { [one!]: [2, 6.5], [two!]: [1, 5] });
  });

  it('is repaired to the last use while others redeem', async () => {
    await drifted(one!, 7);
    const writer = await t.client();
    await writer.query('BEGIN');
    await writer.query(t.expand(insert(use(1, 1), use(3, 1))));
    const repairing = repairDrift(pool, { schema, lockTimeoutMs: 60_000 });
    const [waiting] = await blocked();
    await waitUntilBlocked(t.pool, waiting!);
    await writer.query('COMMIT');
    expect(await repairing).toMatchObject([{ kind: 'campaign', campaignId: one, timesUsed: 8, actualUses: 3 }]);
    await expectCampaigns(t, { [one!]: [3, 7.5], [two!]: [2, 6] });
  });

  const blocked = async (): Promise<number[]> => {
    for (;;) {
      const { rows } = await t.sql<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%promo_code_campaigns%'
            AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()`,
      );
      if (rows.length > 0) return rows.map(({ pid }) => pid);
    }
  };
});

describe('the installation', () => {
  it('is not in order without the triggers of the memberships, and what they missed is made true', async () => {
    await t.sql('ALTER TABLE :"library".promo_code_campaign_codes DISABLE TRIGGER count_promo_code_campaign_on_delete');
    await t.sql('DROP TRIGGER guard_promo_code_campaign_counters ON :"library".promo_code_campaigns');
    const { ok, objects } = await inspectTriggers(pool, { schema });
    expect(ok).toBe(false);
    expect(objects.filter(({ state }) => state !== 'ok').map(({ name, state }) => [name, state])).toEqual([
      ['promo_code_campaigns', 'outdated'],
      ['promo_code_campaign_codes', 'outdated'],
    ]);
    await t.sql('DELETE FROM :"library".promo_code_campaign_codes WHERE promo_code_id = 1');
    const report = await installTriggers(pool, { schema });
    expect(report.repaired).toEqual(
      [record(one!, 'shop', 2, 1, '6.50')].map((row) => ({ ...row, actualBonus: '1.50' })),
    );
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
  });

  it('by a script makes campaigns true as well', async () => {
    await drifted(one!, 7);
    await t.sql(renderSql('triggers', { schema }));
    await expectCampaigns(t, { [one!]: [2, 6.5], [two!]: [1, 5] });
  });

  it('forgets the codes of tables that were dropped, and keeps the campaigns', async () => {
    await t.sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
    await t.sql(SEED_TABLES);
    await t.sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`);
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: true });
    await t.sql(insertUses(1));
    await expectCampaigns(t, {});
    expect((await t.sql('SELECT FROM :"library".promo_code_campaigns')).rowCount).toBe(2);
  });

  it('goes with everything, and comes back', async () => {
    const { removed } = await uninstallTriggers(pool, { schema });
    expect(removed).toEqual(expect.arrayContaining(['promo_code_campaigns', 'promo_code_campaign_codes']));
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: true });
  });

  it('loads data without its triggers and with them, as a restore does', async () => {
    const saved = `CREATE TEMP TABLE g AS TABLE :"library".promo_code_campaigns; CREATE TEMP TABLE m AS TABLE :"library".promo_code_campaign_codes;
      CREATE TEMP TABLE c AS TABLE :"schema".promo_codes; CREATE TEMP TABLE u AS TABLE :"schema".promo_code_uses;
      TRUNCATE :"schema".promo_codes, :"schema".promo_code_uses, :"library".promo_code_campaigns CASCADE;
      INSERT INTO :"library".promo_code_campaigns SELECT * FROM g; INSERT INTO :"library".promo_code_campaign_codes SELECT * FROM m;
      INSERT INTO :"schema".promo_codes SELECT * FROM c; INSERT INTO :"schema".promo_code_uses SELECT * FROM u;`;
    const client = await t.client();
    await client.query(t.expand(saved));
    await expectCampaigns(t, { [one!]: [2, 6.5], [two!]: [1, 5] });
  });
});

describe('whether there has been a campaign', () => {
  const lastId = async () =>
    (await t.sql('SELECT last_value AS last FROM :"library".promo_code_campaigns_id_seq')).rows[0]!.last;
  const LOADED = `INSERT INTO :"library".promo_code_campaigns (id, shop_id, name) VALUES (7, 'shop', 'loaded')`;

  beforeEach(async () => {
    await uninstallTriggers(pool, { schema });
    await installTriggers(pool, { schema });
    expect(await lastId()).toBe('0');
  });

  it('is asked by whoever counts after waiting for a code that came into the first one', async () => {
    const mover = await t.client();
    await mover.query('BEGIN');
    await mover.query(t.expand(LOADED));
    await mover.query(t.expand(put('7', 1)));
    const using = await t.client();
    const { rows } = await using.query('SELECT pg_backend_pid() AS pid');
    const counted = using.query(t.expand(insert(use(1, 1))));
    await waitUntilBlocked(t.pool, rows[0].pid);
    await mover.query('COMMIT');
    await counted;
    await expectCampaigns(t, { '7': [2, 6] });
    expect(await lastId()).toBe('7');
  });

  it('is seen by the next installation, where campaigns came without triggers', async () => {
    await t.sql(unguarded(`${LOADED}; ${put('7', 1)}`));
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: false });
    await t.sql(insert(use(1, 1)));
    expect(await checkDrift(pool, { schema })).toMatchObject([{ kind: 'campaign', campaignId: '7' }]);
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: true, repaired: [{ campaignId: '7' }] });
    await t.sql(insert(use(1, 1)));
    await expectCampaigns(t, { '7': [3, 7] });
    expect(await newCampaign(t)).toBe('8');
  });

  it('is taken for granted where the sequence says nothing', async () => {
    await t.sql(unguarded(`${LOADED}; ${put('7', 1)}`));
    await t.sql('ALTER SEQUENCE :"library".promo_code_campaigns_id_seq RESTART');
    await repairDrift(pool, { schema });
    await t.sql(insert(use(1, 1)));
    await expectCampaigns(t, { '7': [2, 6] });
  });
});
