import { expect } from 'vitest';
import type { PromoCode, PromoCodeRepository } from '../../src/index';

interface Making {
  shop: string;
  newCode(fields?: object): Promise<PromoCode>;
  mark: string;
}

/** What campaigns and the codes in them make the server do, as far as the repository asks for it. */
export async function exerciseCampaignMethods(
  repository: PromoCodeRepository,
  { shop, newCode, mark }: Making,
): Promise<void> {
  const { campaigns } = repository;
  const owned = { shopId: shop };
  const campaign = await campaigns.create({
    ...{ ...owned, name: `Campaign ${mark}`, totalUsageLimit: 9, perCustomerLimit: 5, maxTotalBonus: 50 },
    ...{ startDate: new Date(0), budgetOverrun: 'cap', metadata: { a: [1] } },
  });
  const other = await campaigns.create({ ...owned, name: `Other ${mark}` });
  const code = await newCode({ campaignId: campaign.id });
  const free = await newCode();
  expect(await campaigns.addCodes(campaign.id, [code.id, free.id], owned)).toEqual({ added: 1, moved: 0 });
  await expect(campaigns.addCodes(other.id, [code.id])).rejects.toMatchObject({ issues: [{ path: 'codeIds[0]' }] });
  expect(await campaigns.addCodes(other.id, [code.id], { move: true })).toEqual({ added: 0, moved: 1 });
  await repository.update(code.id, { campaignId: campaign.id, name: 'x' });
  await repository.update(code.id, { campaignId: null }, owned);
  await repository.import([{ code: `IN-${mark}`, shopId: shop, bonusValue: 5, campaignId: campaign.id }]);
  await expect(newCode({ campaignId: '999999' })).rejects.toMatchObject({ issues: [{ path: 'campaignId' }] });
  expect((await repository.list({ ...owned, campaignId: campaign.id })).items).toHaveLength(2);
  await campaigns.update(campaign.id, { endDate: new Date(Date.now() + 9e8), totalUsageLimit: null }, owned);
  await expect(campaigns.update(campaign.id, { endDate: new Date(-1) })).rejects.toMatchObject({ code: 'VALIDATION' });
  for (const state of ['redeemable', 'scheduled', 'expired', 'used_up', 'inactive'] as const) {
    const { nextCursor } = await campaigns.list({ ...owned, state, search: mark, limit: 1 });
    if (nextCursor !== null) await campaigns.list({ state, cursor: nextCursor });
  }
  expect(await campaigns.findById(campaign.id, owned)).toMatchObject({ totalUsageLimit: null });
  expect(await campaigns.removeCodes(campaign.id, [free.id])).toEqual({ removed: 1 });
  await campaigns.delete(campaign.id, owned);
}
