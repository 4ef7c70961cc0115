import { beforeAll, expect, it } from 'vitest';
import { type Campaign, installSchema, PromoCodeRepository } from '../../src/index';
import { useRole } from '../support';
import { useRepository } from '../support/repository';

const t = useRepository('campaign rights');
const [app, checkout] = [useRole({ label: 'app' }), useRole({ label: 'checkout' })];
let mine: Campaign;
let theirs: Campaign;

beforeAll(async () => {
  await installSchema(t.pool, { schema: t.schema, grantTo: [app.role, checkout.role] });
  await t.sql(`
    GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted}, ${checkout.quoted};
    GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${app.quoted};
    GRANT SELECT, UPDATE (updated_at) ON :"schema".promo_codes TO ${checkout.quoted};
    GRANT SELECT, INSERT, DELETE ON :"schema".promo_code_uses TO ${checkout.quoted}`);
  const { campaigns } = t.repository;
  mine = await campaigns.create({ shopId: 'mine', name: 'Mine', totalUsageLimit: 1 });
  theirs = await campaigns.create({ shopId: 'theirs', name: 'Theirs' });
});

it('who may only redeem is held to a campaign, and can change none', async () => {
  const code = await t.newCode({ shopId: 'mine', campaignId: mine.id });
  const repository = new PromoCodeRepository(t.poolWith({}, checkout.login), { schema: t.schema });
  const first = await repository.redeem(t.request(code));
  expect(first).toMatchObject({ ok: true });
  expect(await repository.redeem(t.request(code))).toMatchObject({ ok: false, reason: 'campaign_limit_reached' });
  if (first.ok) await repository.rollbackUse(first.use.id);
  expect(await repository.campaigns.findById(mine.id)).toMatchObject({ timesUsed: 0 });
  const denied = { code: 'INSUFFICIENT_PRIVILEGE', sqlState: '42501' };
  await expect(repository.campaigns.update(mine.id, { totalUsageLimit: null })).rejects.toMatchObject(denied);
  await expect(repository.campaigns.removeCodes(mine.id, [code.id])).rejects.toMatchObject(denied);
  await expect(repository.campaigns.delete(mine.id)).rejects.toMatchObject(denied);
  const client = await t.client(checkout.login);
  for (const statement of [
    'INSERT INTO :"library".promo_code_campaign_codes (promo_code_id, campaign_id) SELECT 1, 1',
    'UPDATE :"library".promo_code_campaigns SET is_active = true',
    'DELETE FROM :"library".promo_code_campaigns',
    'TRUNCATE :"library".promo_code_campaign_codes',
    `SET pg_promo_codes.counting = 'on'; UPDATE :"library".promo_code_campaigns SET times_used = -1`,
  ]) {
    await expect(client.query(t.expand(statement)), statement).rejects.toMatchObject({ code: '42501' });
  }
  expect(await t.repository.campaigns.findById(mine.id)).toMatchObject({ totalUsageLimit: 1 });
});

it('what row-level security hides of codes, it hides of their campaigns', async () => {
  const [code, other] = [await t.newCode({ shopId: 'mine' }), await t.newCode({ shopId: 'theirs' })];
  await t.repository.campaigns.addCodes(theirs.id, [other.id]);
  const policy = (table: string) =>
    `ALTER TABLE :"schema".${table} ENABLE ROW LEVEL SECURITY;
     CREATE POLICY own ON :"schema".${table} TO ${app.quoted} USING (shop_id = 'mine')`;
  await t.sql(`${policy('promo_codes')}; ${policy('promo_code_uses')}`);
  const repository = new PromoCodeRepository(t.poolWith({}, app.login), { schema: t.schema });
  const { campaigns } = repository;
  expect((await campaigns.list()).items).toMatchObject([{ id: mine.id }]);
  expect(await campaigns.findById(theirs.id)).toBeNull();
  await expect(campaigns.addCodes(theirs.id, [code.id])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(campaigns.addCodes(mine.id, [other.id])).rejects.toMatchObject({ issues: [{ path: 'codeIds[0]' }] });
  await expect(campaigns.create({ shopId: 'theirs', name: 'x' })).rejects.toMatchObject({ sqlState: '42501' });
  // Nor by SQL.
  const client = await t.client(app.login);
  const put = `INSERT INTO :"library".promo_code_campaign_codes AS k (promo_code_id, campaign_id) VALUES ($1, $2)
               ON CONFLICT (promo_code_id) DO UPDATE SET campaign_id = excluded.campaign_id`;
  await expect(client.query(t.expand(put), [code.id, theirs.id])).rejects.toMatchObject({ code: '42501' });
  await client.query(t.expand(put), [code.id, mine.id]);
  await expect(client.query(t.expand(put), [code.id, theirs.id])).rejects.toMatchObject({ code: '42501' });
  await campaigns.removeCodes(mine.id, [code.id]);
  const created = await campaigns.create({ shopId: 'mine', name: 'x' });
  expect(await campaigns.addCodes(created.id, [code.id])).toEqual({ added: 1, moved: 0 });
  expect(await repository.findById(code.id)).toMatchObject({ campaignId: created.id });
  await campaigns.delete(created.id);
});
