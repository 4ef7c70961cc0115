import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PromoCode, RedeemResult } from '../../src/index';
import { eventually, waitUntilBlocked } from '../support';
import { useRepository, waitingRedemption } from '../support/repository';
import { type CampaignFields, expectCampaigns, newCampaign, put, takeOut } from './fixture';

const t = useRepository('campaign redeeming');
const { repository } = t;
const outcomes = (results: readonly RedeemResult[]) => results.map((result) => (result.ok ? 'ok' : result.reason));

/** A campaign with so many codes, each of which anybody can use any number of times. */
async function campaignOf(size: number, fields: CampaignFields): Promise<{ id: string; codes: PromoCode[] }> {
  const id = await newCampaign(t, fields);
  const codes: PromoCode[] = [];
  for (let index = 0; index < size; index += 1) codes.push(await t.newCode({ perCustomerLimit: null }));
  if (size > 0) await t.sql(put(id, ...codes.map((code) => code.id)));
  return { id, codes };
}

/** Other tests look at all campaigns. */
beforeEach(() => t.sql('DELETE FROM :"schema".promo_code_uses; DELETE FROM :"library".promo_code_campaigns'));

describe('a campaign', () => {
  it.each([
    ['that is not active', { is_active: false }],
    ['that has not begun', { start_date: '2100-01-01' }],
    ['that is over', { end_date: '2000-01-01' }],
  ])('%s refuses its codes, one by one, in a batch and in the preview', async (_, fields) => {
    const { codes } = await campaignOf(2, fields);
    const [one, two] = codes.map((code) => t.request(code)) as [never, never];
    const refused = { reason: 'campaign_inactive', message: 'The campaign of this promo code is not running.' };
    expect(await repository.redeem(one)).toMatchObject(refused);
    expect(await repository.validate(one)).toMatchObject({ valid: false, ...refused });
    expect(outcomes(await repository.redeemMany([one, two]))).toEqual(['campaign_inactive', 'campaign_inactive']);
    await t.sql('UPDATE :"library".promo_code_campaigns SET is_active = true, start_date = NULL, end_date = NULL');
    expect(outcomes(await repository.redeemMany([one, two]))).toEqual(['ok', 'ok']);
  });

  it('limits its codes together, and a customer over all of them', async () => {
    const { id, codes } = await campaignOf(3, { total_usage_limit: 4, per_customer_limit: 2 });
    const of = (customer: string, code: number) => t.request(codes[code]!, { customerAddress: customer });
    const batch = [of('ann', 0), of('ann', 1), of('Ann ', 2), of('bob', 0), of('cid', 1), of('dee', 2)];
    const wanted = [...['ok', 'ok', 'campaign_customer_limit_reached'], ...['ok', 'ok', 'campaign_limit_reached']];
    expect(outcomes(await repository.redeemMany(batch))).toEqual(wanted);
    expect(await repository.redeem(of('eve', 0))).toMatchObject({ reason: 'campaign_limit_reached' });
    await expectCampaigns(t, { [id]: [4, 20] });
    await t.sql(takeOut(codes[0]!.id));
    expect(await repository.redeem(of('ann', 0))).toMatchObject({ ok: true });
    expect(outcomes(await repository.redeemMany([of('ann', 1), of('ann', 2)]))).toEqual([
      'ok',
      'campaign_customer_limit_reached',
    ]);
    await expectCampaigns(t, { [id]: [3, 15] });
  });

  it.each(['refuse', 'cap'] as const)('has a budget over all its codes (%s)', async (budget_overrun) => {
    const { id, codes } = await campaignOf(2, { max_total_bonus: '12.00', budget_overrun });
    const batch = codes.flatMap((code) => [t.request(code), t.request(code)]);
    const results = await repository.redeemMany(batch);
    const last = budget_overrun === 'cap' ? 'ok' : 'campaign_budget_exhausted';
    expect(outcomes(results)).toEqual(['ok', 'ok', last, 'campaign_budget_exhausted']);
    expect(await repository.validate(batch[0]!)).toMatchObject(
      budget_overrun === 'cap' ? { reason: 'campaign_budget_exhausted' } : { valid: false },
    );
    if (budget_overrun === 'cap') expect(results[2]).toMatchObject({ use: { bonusAmount: '2.00' } });
    await expectCampaigns(t, { [id]: budget_overrun === 'cap' ? [3, 12] : [2, 10] });
    if (!results[0]!.ok) throw new Error('refused');
    await expect(repository.amendUse(results[0]!.use.id, { bonusAmount: '7.01' })).rejects.toMatchObject({
      code: 'BUDGET_EXHAUSTED',
    });
    await repository.rollbackUse(results[0]!.use.id);
    expect(await repository.redeem(batch[0]!)).toMatchObject({ ok: true, use: { bonusAmount: '5.00' } });
  });

  it('takes limits that are as large as SQL can write them', async () => {
    const { id, codes } = await campaignOf(1, {});
    await t.sql(
      `UPDATE :"library".promo_code_campaigns SET total_usage_limit = 9223372036854775807,
         per_customer_limit = 9223372036854775807, max_total_bonus = 1e100 WHERE id = $1`,
      [id],
    );
    await repository.update(codes[0]!.id, { totalUsageLimit: 1 });
    const request = t.request(codes[0]!);
    expect(await repository.validate(request)).toMatchObject({ valid: true });
    expect(outcomes(await repository.redeemMany([request, request]))).toEqual(['ok', 'usage_limit_reached']);
    expect(await repository.validate(request)).toMatchObject({ reason: 'usage_limit_reached' });
    expect(outcomes([await repository.redeem(request)])).toEqual(['usage_limit_reached']);
  });

  it('lets due holds of other codes give way, but none that is locked', async () => {
    const { id, codes } = await campaignOf(3, { total_usage_limit: 2 });
    for (const code of codes.slice(0, 2)) await repository.reserve({ ...t.request(code), ttlSeconds: 60 });
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s'`);
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [codes[0]!.id]);
    expect(await repository.validate(t.request(codes[2]!))).toMatchObject({ valid: true });
    expect(await repository.redeem(t.request(codes[2]!))).toMatchObject({ ok: true });
    expect(await repository.redeem(t.request(codes[2]!))).toMatchObject({ reason: 'campaign_limit_reached' });
    await holder.query('ROLLBACK');
    expect(await repository.redeem(t.request(codes[2]!))).toMatchObject({ ok: true });
    await expectCampaigns(t, { [id]: [2, 10] });
  });
});

describe('races of redemptions with other transactions', () => {
  it('whoever waits for a code sees which campaign it is in by then', async () => {
    const { id } = await campaignOf(0, { total_usage_limit: 0 });
    const code = await t.newCode();
    const mover = await t.client();
    await mover.query('BEGIN');
    await mover.query(t.expand(put(id, code.id)));
    const redeeming = repository.redeem(t.request(code));
    await waitingRedemption(t);
    await mover.query('COMMIT');
    expect(await redeeming).toMatchObject({ reason: 'campaign_limit_reached' });
  });

  it('a use that is added before a code is moved goes along', async () => {
    const { id, codes } = await campaignOf(1, {});
    const other = await newCampaign(t);
    const writer = await t.client();
    await writer.query('BEGIN');
    expect(await repository.redeem(t.request(codes[0]!), { client: writer })).toMatchObject({ ok: true });
    const mover = await t.client();
    const moving = mover.query(t.expand(put(other, codes[0]!.id)));
    await waitUntilBlocked(t.pool, mover);
    await writer.query('COMMIT');
    await moving;
    await expectCampaigns(t, { [other]: [1, 5] });
    await t.sql(`DELETE FROM :"library".promo_code_campaigns WHERE id = ${id}`);
  });

  it.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'a %s transaction that is older than the move fails, and counts nothing wrongly',
    async (isolation) => {
      const { id, codes } = await campaignOf(1, {});
      const other = await newCampaign(t);
      const older = await t.client();
      await older.query(`BEGIN ISOLATION LEVEL ${isolation}`);
      await older.query('SELECT 1 AS snapshot');
      await older.query(t.expand('SELECT count(*) FROM :"schema".promo_codes'));
      await t.sql(put(other, codes[0]!.id));
      const insert = `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, bonus_amount)
                      VALUES (${codes[0]!.id}, 'ann', 'shop', 1)`;
      await expect(older.query(t.expand(insert))).rejects.toMatchObject({ code: '40001' });
      await older.query('ROLLBACK');
      await t.sql(insert);
      await expectCampaigns(t, { [other]: [1, 1] });
      await t.sql(`DELETE FROM :"library".promo_code_campaigns WHERE id = ${id}`);
    },
  );

  it('a campaign that is deleted while a redemption waits for it leaves the code free', async () => {
    const { id, codes } = await campaignOf(1, { total_usage_limit: 0 });
    const deleter = await t.client();
    await deleter.query('BEGIN');
    await deleter.query(t.expand(`DELETE FROM :"library".promo_code_campaigns WHERE id = ${id}`));
    const redeeming = repository.redeem(t.request(codes[0]!));
    await waitingRedemption(t);
    await deleter.query('COMMIT');
    expect(await redeeming).toMatchObject({ ok: true });
    await expectCampaigns(t, {});
  });

  it('releasing due holds and redeeming codes of one campaign do not deadlock', async () => {
    const { id, codes } = await campaignOf(2, {});
    for (const code of codes) await repository.reserve({ ...t.request(code), ttlSeconds: 60 });
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s'`);
    const writer = await t.client();
    await writer.query('BEGIN');
    await repository.redeem(t.request(codes[1]!), { client: writer });
    const releasing = repository.releaseExpired();
    await eventually(async () => {
      const { rows } = await t.sql(
        `SELECT FROM pg_stat_activity
          WHERE query LIKE '%release_due%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
            AND application_name = current_setting('application_name')`,
      );
      expect(rows).toHaveLength(1);
    });
    expect(await repository.redeem(t.request(codes[1]!), { client: writer })).toMatchObject({ ok: true });
    await writer.query('COMMIT');
    expect(await releasing).toMatchObject({ released: 2 });
    await expectCampaigns(t, { [id]: [2, 10] });
  });

  it.each<[string, (client: pg.Client, code: PromoCode, other: string) => Promise<unknown>]>([
    ['takes a code out of it', (client, code) => repository.update(code.id, { campaignId: null }, { client })],
    [
      'moves a code from it',
      (client, code, other) => repository.campaigns.addCodes(other, [code.id], { move: true, client }),
    ],
    ['deletes a code of it', (client, code) => repository.delete(code.id, { client })],
    [
      'gives a code of it another id',
      (client, code) => client.query(t.expand('UPDATE :"schema".promo_codes SET id = -id WHERE id = $1'), [code.id]),
    ],
  ])('who %s while the campaign is being deleted can go on in it', async (_, write) => {
    const { id, codes } = await campaignOf(2, {});
    const other = await newCampaign(t);
    const [writer, deleter] = [await t.client(), await t.client()];
    await writer.query('BEGIN');
    await write(writer, codes[0]!, other);
    const deleting = repository.campaigns.delete(id, { client: deleter });
    await waitUntilBlocked(t.pool, deleter);
    expect(await repository.redeem(t.request(codes[1]!), { client: writer })).toMatchObject({ ok: true });
    await writer.query('COMMIT');
    expect(await deleting).toMatchObject({ timesUsed: 1 });
    await expectCampaigns(t, {});
    await t.sql(`DELETE FROM :"library".promo_code_campaigns WHERE id = ${other}`);
  });

  it.each<[string, (client: pg.Client, id: string, code: PromoCode) => Promise<unknown>, string]>([
    ['addCodes', (client, id, code) => repository.campaigns.addCodes(id, [code.id], { client }), 'NotFoundError'],
    ['removeCodes', (client, id, code) => repository.campaigns.removeCodes(id, [code.id], { client }), 'NotFoundError'],
    [
      'update',
      (client, id, code) => repository.update(code.id, { campaignId: id, name: 'x' }, { client }),
      'ValidationError',
    ],
  ])('%s holds no campaign while it waits for a code', async (_, write, refusal) => {
    const { id } = await campaignOf(0, {});
    const code = await t.newCode();
    const [holder, writer] = [await t.client(), await t.client()];
    await holder.query('BEGIN');
    await holder.query(t.expand(`SELECT FROM :"schema".promo_codes WHERE id = ${code.id} FOR NO KEY UPDATE`));
    await writer.query('BEGIN');
    const writing = write(writer, id, code).catch((error: Error) => error.name);
    await waitUntilBlocked(t.pool, writer);
    await repository.campaigns.delete(id, { shopId: 'shop' });
    await holder.query('COMMIT');
    expect(await writing).toBe(refusal);
    await writer.query('COMMIT');
    expect(await repository.findById(code.id)).toEqual(code);
  });

  it('who takes codes out locks all that are named, in order, before looking which are in', async () => {
    const { id, codes } = await campaignOf(1, {});
    const [inside] = codes;
    const outside = await t.newCode();
    const ids = [inside!.id, outside.id].sort((a, b) => Number(a) - Number(b));
    const other = await newCampaign(t);
    // The one that is in it comes second, and is locked by somebody else.
    await t.sql(put(id, ids[1]!));
    await t.sql(put(other, ids[0]!));
    const [holder, remover] = [await t.client(), await t.client()];
    await holder.query('BEGIN');
    await holder.query(t.expand(`SELECT FROM :"schema".promo_codes WHERE id = ${ids[1]} FOR NO KEY UPDATE`));
    const removing = repository.campaigns.removeCodes(id, ids, { client: remover });
    await waitUntilBlocked(t.pool, remover);
    await expect(
      t.sql(`SELECT FROM :"schema".promo_codes WHERE id = ${ids[0]} FOR NO KEY UPDATE NOWAIT`),
    ).rejects.toMatchObject({ code: '55P03' });
    await holder.query('COMMIT');
    expect(await removing).toEqual({ removed: 1 });
    await t.sql(`DELETE FROM :"library".promo_code_campaigns WHERE id IN (${id}, ${other})`);
  });
});
