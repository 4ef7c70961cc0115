import { type Campaign, PromoCodeRepository } from 'pg-promo-codes';
import { expect } from './expect';
import type { Demo } from './lifecycle';
import { formatNumber, milliseconds, plural, printFacts, printHeading } from './print';

const OLD_CODES = 10;
const NEW_CODES = 50;
const CALLERS = 300;
const ROOM = 50;
const SHOP = { shopId: 'shop-1' };

/** Step 3: codes under one limit, the application's own ones among them, and more customers than it lets through. */
export async function showCampaign({ pool }: Demo): Promise<Campaign> {
  const promoCodes = new PromoCodeRepository(pool);
  const { campaigns } = promoCodes;
  const { id } = await campaigns.create({ ...SHOP, name: 'Anniversary', perCustomerLimit: 2 });
  const current = async () => (await campaigns.findById(id))!;

  const { items } = await promoCodes.list({ ...SHOP, orderBy: 'timesUsed', limit: OLD_CODES });
  await campaigns.addCodes(
    id,
    items.map((code) => code.id),
  );
  const joined = await current();
  const ofCodes = items.reduce((sum, { timesUsed }) => sum + timesUsed, 0);

  const made = await promoCodes.generate({
    ...SHOP,
    count: NEW_CODES,
    pattern: '********',
    bonusValue: '5.00',
    campaignId: id,
  });
  const request = (place: number, customerAddress: string) => ({
    ...{ ...SHOP, customerAddress, baseReward: '20.00' },
    code: made[place % made.length]!.code,
  });
  const regular = await promoCodes.redeemMany([0, 1, 2, 3, 4].map((place) => request(place, 'regular customer')));

  await campaigns.update(id, { totalUsageLimit: joined.timesUsed + 2 + ROOM });
  const start = performance.now();
  const crowd = await Promise.all(
    Array.from({ length: CALLERS }, (_, place) => promoCodes.redeem(request(place, `customer ${place}`))),
  );
  const duration = milliseconds(performance.now() - start);
  const full = await current();
  const reasonsOf = (results: typeof crowd) => results.map((result) => (result.ok ? 'redeemed' : result.reason));
  const count = (results: typeof crowd, outcome: string) => reasonsOf(results).filter((one) => one === outcome).length;
  // The load that follows is not to be refused.
  await campaigns.update(id, { totalUsageLimit: null, perCustomerLimit: null });

  printHeading(`3. A campaign: ${OLD_CODES} codes of the application and ${NEW_CODES} new ones under one limit`);
  printFacts([
    ['codes that come bring their uses', `${plural(joined.timesUsed, 'use')}, ${joined.totalBonusIssued} bonus`],
    [
      'a customer with 5 codes, limit 2',
      `${count(regular, 'redeemed')} redeemed, then campaign_customer_limit_reached`,
    ],
    [
      `${CALLERS} customers at once, room for ${ROOM}`,
      `${count(crowd, 'redeemed')} redeemed, ${count(crowd, 'campaign_limit_reached')} refused, in ${duration}`,
    ],
    ['the campaign then', `${formatNumber(full.timesUsed)} of ${formatNumber(full.totalUsageLimit!)} uses`],
  ]);
  expect(joined.timesUsed === ofCodes, 'the campaign should have counted the uses of the codes that came');
  expect(
    count(regular, 'redeemed') === 2 && count(regular, 'campaign_customer_limit_reached') === 3,
    `a limit of 2 over all codes should let 2 of 5 through, and made ${reasonsOf(regular)}`,
  );
  expect(
    count(crowd, 'redeemed') === ROOM && count(crowd, 'campaign_limit_reached') === CALLERS - ROOM,
    `the limit of the campaign should let ${ROOM} through, and let ${count(crowd, 'redeemed')}`,
  );
  return full;
}
