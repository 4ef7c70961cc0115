import { describe, expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { everyItem } from './codes';
import { redeemed, useHost } from './fixture';
import { seed, textIds, withoutTimes } from './hosts';

describe('codes without shops', () => {
  const h = useHost(textIds);

  it('are found by a repository that has met no host yet', async () => {
    const code = await h.newCode();
    const fresh = () => new PromoCodeRepository(h.pool, h.where);
    expect(await fresh().redeem(h.request(code))).toMatchObject({ ok: true });
    expect(await fresh().redeemMany([h.request(code), h.request(code)])).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await fresh().create({ code: h.newName(), bonusValue: '1' })).toMatchObject({ shopId: '' });
  });
});

describe('codes with shops', () => {
  const h = useHost(seed);

  it('ask for one, on the first call and on others', async () => {
    const { repository } = h;
    const { shopId: _shop, ...request } = h.request({ code: 'X' });
    const refusal = { code: 'VALIDATION', issues: [{ path: 'shopId', message: 'is required' }] };
    for (const asked of [new PromoCodeRepository(h.pool, h.where), repository, repository]) {
      await expect(asked.redeem(request)).rejects.toMatchObject(refusal);
      await expect(asked.create({ code: 'X', bonusValue: 1 })).rejects.toMatchObject(refusal);
    }
    await expect(new PromoCodeRepository(h.pool, h.where).redeemMany([request])).rejects.toMatchObject({
      issues: [{ path: '0.shopId' }],
    });
  });
});

describe('uses without times', () => {
  const h = useHost(withoutTimes);

  it('are redeemed, held, repeated and read, the ones with the highest ids first', async () => {
    const code = await h.newCode({ perCustomerLimit: null });
    const request = h.request(code, { idempotencyKey: h.newName() });
    const { use } = await h.redeem(code, request);
    expect(await h.repository.redeem(request)).toEqual({ ok: true, use, replayed: true });
    const held = redeemed(await h.repository.reserve({ ...h.request(code), ttlSeconds: 60 }));
    expect(await h.repository.confirm(held.use.id)).toEqual(held.use);
    const all = await everyItem((cursor) => h.repository.usesByCode(code.id, { limit: 1, cursor }));
    expect(all).toEqual([held.use, use]);
    expect(await h.repository.usesByCustomer(use.customerAddress)).toMatchObject({ items: [use] });
    expect(await h.repository.usageStats(code.id, { days: 1 })).toMatchObject({ totalUses: 2, perDay: [{ uses: 0 }] });
    expect(await h.repository.rollbackUse(use.id)).toEqual({ rolledBack: true });
    expect(await h.repository.redeem(request)).toMatchObject({ reason: 'rolled_back' });
    await h.expectCounts(code, 1);
  });
});
