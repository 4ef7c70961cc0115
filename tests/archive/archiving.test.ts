import { describe, expect, it } from 'vitest';
import { archiveUses, inspectTriggers, repairDrift, streamDrift } from '../../src/index';
import { newCampaign, put, takeOut } from '../campaigns/fixture';
import { useRepository } from '../support/repository';
import { age, archiveOld, BEFORE, carriedOf, expectNoDrift, OLD } from './fixture';

const t = useRepository('archiving');
const { repository, newCode, request } = t;
const redeem = async (code: Awaited<ReturnType<typeof newCode>>, fields = {}) => {
  const result = await repository.redeem(request(code, fields));
  if (!result.ok) throw new Error(result.reason);
  return result.use;
};

it('removes old uses and leaves counters, what is newer, and no drift', async () => {
  const code = await newCode();
  for (let n = 0; n < 5; n += 1) await redeem(code);
  await age(t, code);
  await redeem(code);
  const { rows: before } = await t.sql(`SELECT c.*, c.xmin FROM :"schema".promo_codes AS c WHERE id = $1`, [code.id]);
  expect(await archiveUses(t.pool, { schema: t.schema, before: BEFORE, batchSize: 2 })).toEqual({ archived: 5 });
  expect(await t.counts(code)).toEqual({ timesUsed: 6, uses: 1, total: '30.00' });
  expect(await carriedOf(t, code)).toEqual({ uses: 5, bonus: 25, customers: 5 });
  await expectNoDrift(t);
  // Nothing of the code was written.
  expect((await t.sql(`SELECT c.*, c.xmin FROM :"schema".promo_codes AS c WHERE id = $1`, [code.id])).rows).toEqual(
    before,
  );
  expect(await archiveOld(t)).toBe(0);
  expect((await inspectTriggers(t.pool, { schema: t.schema })).ok).toBe(true);
});

it('limits in total and per customer hold, alone, together and in a preview', async () => {
  const code = await newCode({ totalUsageLimit: 4, perCustomerLimit: 2 });
  await redeem(code, { customerAddress: 'Ann' });
  await redeem(code, { customerAddress: 'ann' });
  await redeem(code, { customerAddress: 'bob' });
  await age(t, code);
  await archiveOld(t);
  const asked = (customerAddress: string) => request(code, { customerAddress });
  expect(await repository.validate(asked('ANN '))).toMatchObject({ reason: 'customer_limit_reached' });
  expect(await repository.redeem(asked('ann'))).toMatchObject({ reason: 'customer_limit_reached' });
  const many = await repository.redeemMany([asked('ann'), asked('bob'), asked('bob'), asked('cid')]);
  expect(many.map((result) => (result.ok ? 'ok' : result.reason))).toEqual([
    'customer_limit_reached',
    'ok',
    'usage_limit_reached',
    'usage_limit_reached',
  ]);
  expect(await t.counts(code)).toMatchObject({ timesUsed: 4, uses: 1 });
  await expectNoDrift(t);
});

it('without customers only the totals are kept', async () => {
  const code = await newCode({ totalUsageLimit: 3, perCustomerLimit: 1 });
  await redeem(code, { customerAddress: 'ann' });
  await age(t, code);
  expect(await archiveOld(t, { keepCustomers: false })).toBe(1);
  expect(await carriedOf(t, code)).toEqual({ uses: 1, bonus: 5, customers: 0 });
  await redeem(code, { customerAddress: 'ann' });
  expect(await t.counts(code)).toMatchObject({ timesUsed: 2, uses: 1 });
  await expectNoDrift(t);
});

it('campaigns count what their codes carry, which comes, goes and leaves with a code', async () => {
  const [a, b] = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
  const campaign = await newCampaign(t, { total_usage_limit: 5, per_customer_limit: 2 });
  const counters = async (id = campaign) =>
    (
      await t.sql(
        `SELECT times_used::int AS uses, total_bonus_issued::float8 AS bonus FROM :"library".promo_code_campaigns WHERE id = $1`,
        [id],
      )
    ).rows[0];
  await t.sql(put(campaign, a.id));
  for (const customerAddress of ['ann', 'ann', 'bob']) await redeem(a, { customerAddress });
  await redeem(b, { customerAddress: 'cid' });
  await age(t);
  await archiveOld(t);
  expect(await counters()).toEqual({ uses: 3, bonus: 15 });
  await t.sql(put(campaign, b.id));
  expect(await counters()).toEqual({ uses: 4, bonus: 20 });
  await expectNoDrift(t);
  const asked = (customerAddress: string) => request(b, { customerAddress });
  expect(await repository.validate(asked('ann'))).toMatchObject({ reason: 'campaign_customer_limit_reached' });
  expect(await repository.redeem(asked('ann'))).toMatchObject({ reason: 'campaign_customer_limit_reached' });
  expect(
    (await repository.redeemMany([asked('ann'), asked('bob'), asked('dan')])).map((result) =>
      result.ok ? 'ok' : result.reason,
    ),
  ).toEqual(['campaign_customer_limit_reached', 'ok', 'campaign_limit_reached']);
  const other = await newCampaign(t);
  await t.sql(put(other, a.id));
  expect([await counters(), await counters(other)]).toEqual([
    { uses: 2, bonus: 10 },
    { uses: 3, bonus: 15 },
  ]);
  await t.sql(takeOut(b.id));
  expect(await counters()).toEqual({ uses: 0, bonus: 0 });
  await expectNoDrift(t);
  // Drift of a campaign is found and recounted with what is carried.
  await t.sql(
    `SET LOCAL pg_promo_codes.counting = 'on'; UPDATE :"library".promo_code_campaigns SET times_used = 9 WHERE id = ${other}`,
  );
  expect(await repairDrift(t.pool, { schema: t.schema })).toMatchObject([
    { kind: 'campaign', actualUses: 3, actualBonus: '15.00' },
  ]);
  expect(await counters(other)).toEqual({ uses: 3, bonus: 15 });
  // A code that is deleted takes along what it carries.
  await t.sql(`DELETE FROM :"schema".promo_codes WHERE id = $1`, [a.id]);
  expect(await counters(other)).toEqual({ uses: 0, bonus: 0 });
  expect(await carriedOf(t, a)).toEqual({ uses: 0, bonus: 0, customers: 0 });
  await expectNoDrift(t);
});

it('a code with another id keeps what it carries, in its campaign as well', async () => {
  const code = await newCode();
  const campaign = await newCampaign(t);
  await t.sql(put(campaign, code.id));
  await redeem(code, { customerAddress: 'ann' });
  await age(t, code);
  await archiveOld(t);
  const id = String(Number(code.id) + 1_000_000);
  await t.sql(`UPDATE :"schema".promo_codes SET id = $2 WHERE id = $1`, [code.id, id]);
  const moved = { ...code, id };
  expect(await t.counts(moved)).toEqual({ timesUsed: 1, uses: 0, total: '5.00' });
  expect(await carriedOf(t, moved)).toEqual({ uses: 1, bonus: 5, customers: 1 });
  expect(await repository.redeem(request(moved, { customerAddress: 'ann' }))).toMatchObject({
    reason: 'customer_limit_reached',
  });
  await expectNoDrift(t);
});

it('drift is found after archiving, by each of the checks, and repaired', async () => {
  const code = await newCode();
  await redeem(code);
  await redeem(code);
  await age(t, code);
  await archiveOld(t);
  await redeem(code);
  await t.sql(
    `SET LOCAL pg_promo_codes.counting = 'on'; UPDATE :"schema".promo_codes SET times_used = 1 WHERE id = ${code.id}`,
  );
  const expected = [{ promoCodeId: code.id, timesUsed: 1, actualUses: 3, actualBonus: '15.00' }];
  const streamed = [];
  for await (const record of streamDrift(t.pool, { schema: t.schema })) streamed.push(record);
  expect(streamed).toMatchObject(expected);
  expect(await repairDrift(t.pool, { schema: t.schema })).toMatchObject(expected);
  expect(await t.counts(code)).toMatchObject({ timesUsed: 3, uses: 1 });
  await expectNoDrift(t);
});

it('TRUNCATE leaves what is carried', async () => {
  const code = await newCode();
  await redeem(code);
  await age(t, code);
  await archiveOld(t);
  await redeem(code);
  await t.sql(`TRUNCATE :"schema".promo_code_uses CASCADE`);
  expect(await t.counts(code)).toEqual({ timesUsed: 1, uses: 0, total: '5.00' });
  await expectNoDrift(t);
});

describe('what a call may still ask for', () => {
  it('a repetition of the key is answered with the use that was archived, and redeems nothing', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: 'first', transactionId: 'order 7' });
    const first = await repository.redeem(asked);
    if (!first.ok) throw new Error(first.reason);
    await archiveUses(t.pool, { schema: t.schema, before: new Date(Date.now() + 60_000) });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 0 });
    expect(await repository.redeem(asked)).toEqual({ ...first, replayed: true });
    expect(await repository.redeemMany([asked])).toEqual([{ ...first, replayed: true }]);
    await expect(repository.redeem({ ...asked, baseReward: '11.00' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 0 });
    expect(await repository.rollbackUse(first.use.id)).toEqual({ rolledBack: false });
    await expect(repository.amendUse(first.use.id, {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(repository.confirm(first.use.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expectNoDrift(t);
    // It is forgotten with its key.
    await repository.pruneIdempotencyKeys({ olderThanDays: 0 });
    expect((await t.sql(`SELECT FROM :"library".promo_code_archived_uses`)).rowCount).toBe(0);
  });

  it('the replacement of an erased customer has used what was archived', async () => {
    const code = await newCode();
    const asked = request(code, { customerAddress: 'Erin', idempotencyKey: 'erin' });
    await repository.redeem(asked);
    await archiveUses(t.pool, { schema: t.schema, before: new Date(Date.now() + 60_000) });
    await repository.redeem(request(code, { customerAddress: 'somebody' }));
    await expect(repository.eraseCustomer('somebody', { replacement: 'erin' })).rejects.toMatchObject({
      code: 'VALIDATION',
    });
    await repository.eraseCustomer('erin', { replacement: 'erased-1' });
    expect(
      (await t.sql(`SELECT FROM :"library".promo_code_archived_uses WHERE answer::text LIKE '%erin%'`)).rowCount,
    ).toBe(0);
    expect(await repository.redeem(request(code, { customerAddress: 'erased-1' }))).toMatchObject({
      reason: 'customer_limit_reached',
    });
    expect(await repository.redeem(request(code, { customerAddress: 'erin' }))).toMatchObject({ ok: true });
    await expectNoDrift(t);
  });
});

it('holds that are open stay, and count', async () => {
  const code = await newCode({ totalUsageLimit: 1 });
  const held = await repository.reserve({ ...request(code), ttlSeconds: 600 });
  if (!held.ok) throw new Error(held.reason);
  await age(t, code);
  expect(await archiveOld(t)).toBe(0);
  await repository.confirm(held.use.id);
  expect(await archiveOld(t)).toBe(1);
  expect(await repository.redeem(request(code))).toMatchObject({ reason: 'usage_limit_reached' });
  await expectNoDrift(t);
});

it('statistics include what was archived in their totals, and not in their days', async () => {
  const code = await newCode({ shopId: 'stats', perCustomerLimit: null });
  await redeem(code, { customerAddress: 'ann' });
  await redeem(code, { customerAddress: 'bob' });
  await age(t, code);
  await archiveOld(t);
  await redeem(code, { customerAddress: 'ann' });
  const totals = {
    totalUses: 3,
    totalBonus: '15.00',
    totalBaseReward: '30.00',
    distinctCustomers: 2,
    averageBonus: '5.00',
  };
  const stats = await repository.usageStats(code.id, { days: 1 });
  expect(stats).toMatchObject({ ...totals, perDay: [{ uses: 1, bonus: '5.00' }] });
  expect(await repository.shopStats({ shopId: 'stats', days: 1 })).toMatchObject({
    ...totals,
    topCodes: [{ id: code.id }],
  });
});

it('what is removed goes into a table of the host, as far as it can hold it', async () => {
  await t.sql(
    `CREATE TABLE :"schema".old_uses (LIKE :"schema".promo_code_uses INCLUDING ALL, archived_at timestamptz DEFAULT now())`,
  );
  const code = await newCode();
  const use = await redeem(code, { transactionId: 'order 8' });
  await age(t, code);
  expect(await archiveOld(t, { into: 'old_uses' })).toBe(1);
  const { rows } = await t.sql(`SELECT id::text, transaction_id, bonus_amount FROM :"schema".old_uses`);
  expect(rows).toEqual([{ id: use.id, transaction_id: 'order 8', bonus_amount: '5.00' }]);
  await redeem(code);
  await age(t, code);
  await t.sql(`ALTER TABLE :"schema".old_uses DROP COLUMN bonus_amount`);
  for (const into of ['old_uses', 'nowhere', 'promo_code_uses', { schema: 'nowhere', table: 'old_uses' }]) {
    await expect(archiveOld(t, { into })).rejects.toMatchObject({ code: 'VALIDATION', issues: [{ path: 'into' }] });
  }
  expect(await t.counts(code)).toMatchObject({ timesUsed: 2, uses: 1 });
  expect(await archiveOld(t)).toBe(1);
});

it('ends between two batches, and goes on at the next call', async () => {
  const code = await newCode();
  for (let n = 0; n < 4; n += 1) await redeem(code);
  await age(t, code);
  const controller = new AbortController();
  const seen: string[] = [];
  const onProgress = ({ phase }: { phase: string }) => {
    seen.push(phase);
    controller.abort();
  };
  expect(await archiveOld(t, { batchSize: 1, signal: controller.signal, onProgress })).toBe(1);
  expect(seen).toEqual(['archive']);
  await expectNoDrift(t);
  expect(await archiveOld(t)).toBe(3);
  await expectNoDrift(t);
});

it('a trigger that is disabled is an error, and nothing is deleted', async () => {
  const code = await newCode();
  await redeem(code);
  await age(t, code);
  const trigger = (what: string) =>
    t.sql(`ALTER TABLE :"schema".promo_code_uses ${what} TRIGGER promo_code_uses_delete_trigger`);
  await trigger('DISABLE');
  await expect(archiveOld(t)).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
  await trigger('ENABLE');
  expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  expect(await archiveOld(t)).toBe(1);
});

it('bad input is refused before anything is written', async () => {
  const refused = (options: object) =>
    expect(archiveUses(t.pool, { schema: t.schema, ...options } as never)).rejects.toMatchObject({
      code: 'VALIDATION',
    });
  await refused({});
  await refused({ before: 'yesterday' });
  await refused({ before: '2020-01-01' });
  await refused({ before: OLD, batchSize: 0 });
  await refused({ before: OLD, keepCustomers: 1 });
  await refused({ before: OLD, into: '' });
  await refused({ before: OLD, signal: true });
  await refused({ before: OLD, partition: 'x' });
});
