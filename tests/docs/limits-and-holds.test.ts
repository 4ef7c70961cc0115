import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PromoCode, PromoCodeRepository } from '../../src/index';
import { useDatabase } from '../support';
import { PAGE_LIMIT_MS, useProgram } from './page';

interface Payment {
  id: string;
  paid: boolean;
}
interface Payments {
  charge(customer: string, amount: string, key: string): Promise<Payment>;
  find(key: string): Promise<Payment | undefined>;
  refund(paymentId: string): Promise<void>;
}
interface Attempt {
  id: string;
  customer: string;
  code: string;
  amount: string;
}
interface Page {
  pool: { end(): Promise<void> };
  promoCodes: PromoCodeRepository;
  credit: PromoCode;
  buyCredit(attempt: Attempt, payments: Payments, ttlSeconds?: number): Promise<unknown>;
  releaseAll(): Promise<number>;
}

const t = useDatabase('limits and holds');
const run = useProgram();
let page: Page;
beforeAll(async () => {
  page = await run('limits-and-holds', { DATABASE_URL: t.url });
}, PAGE_LIMIT_MS);
afterAll(() => page?.pool.end());

/** Only what the provider decides is made up; everything else is real. */
function provider(paid = true, during: () => unknown = () => undefined): Payments & { refunds: string[] } {
  const refunds: string[] = [];
  const made = new Map<string, Payment>();
  return {
    refunds,
    async charge(_customer, _amount, key) {
      const payment = made.get(key) ?? { id: `payment-${key}`, paid };
      made.set(key, payment);
      await during();
      return payment;
    },
    find: async (key) => made.get(key),
    async refund(id) {
      refunds.push(id);
    },
  };
}

let serial = 0;
const attempt = (fields: Partial<Attempt> = {}): Attempt => {
  serial += 1;
  return { id: `${serial}`, customer: `customer-${serial}`, code: 'credit5', amount: '20.00', ...fields };
};
const expireHolds = () =>
  t.sql(`UPDATE pgpromocodes.promo_code_holds SET expires_at = clock_timestamp() WHERE released_at IS NULL`);
const used = async () => (await page.promoCodes.findById(page.credit.id))?.timesUsed;

beforeEach(async () => {
  await t.sql('DELETE FROM public.promo_code_uses');
  await page.promoCodes.update(page.credit.id, { totalUsageLimit: 100, isActive: true });
});

describe('buyCredit', () => {
  it('reserves, pays and confirms, and gives the same when it is run again', async () => {
    const one = attempt();
    for (let time = 0; time < 2; time += 1)
      expect(await page.buyCredit(one, provider())).toEqual({ state: 'done', credit: '25.00' });
    expect(await used()).toBe(1);
    const { rows } = await t.sql('SELECT transaction_id FROM public.promo_code_uses');
    expect(rows).toEqual([{ transaction_id: `payment-${one.id}` }]);
  });

  it('a payment that is declined gives the place back, and the key is that of one attempt', async () => {
    const one = attempt();
    expect(await page.buyCredit(one, provider(false))).toEqual({ state: 'declined' });
    expect(await used()).toBe(0);
    expect(await page.buyCredit(one, provider())).toEqual({ state: 'declined' });
    expect(await page.buyCredit({ ...one, id: `${one.id}-second` }, provider())).toMatchObject({ state: 'done' });
  });

  it.each([
    ['soon', () => undefined],
    ['after the hold is over', expireHolds],
  ])('after a crash between payment and confirmation the same attempt goes on, %s', async (_, meanwhile) => {
    const one = attempt();
    const crash = new Error('the process ends');
    const payments = provider(true, () => Promise.reject(crash));
    await expect(page.buyCredit(one, payments)).rejects.toBe(crash);
    expect(await used()).toBe(1);
    await meanwhile();
    const after = { ...payments, charge: provider().charge };
    for (let time = 0; time < 2; time += 1) {
      expect(await page.buyCredit(one, after)).toEqual({ state: 'done', credit: '25.00' });
      expect(await used()).toBe(1);
    }
  });

  it('a payment that is late redeems where there is room, and is refunded where there is none', async () => {
    expect(await page.buyCredit(attempt(), provider(true, expireHolds))).toEqual({ state: 'done', credit: '25.00' });
    expect(await used()).toBe(1);
    await page.promoCodes.update(page.credit.id, { totalUsageLimit: 2 });
    const late = provider(true, async () => {
      await expireHolds();
      expect(await page.buyCredit(attempt(), provider())).toMatchObject({ state: 'done' });
    });
    expect(await page.buyCredit(attempt(), late)).toMatchObject({ state: 'refunded' });
    expect(late.refunds).toHaveLength(1);
    expect(await used()).toBe(2);
  });

  it('a code that is deactivated during the payment is still confirmed', async () => {
    const deactivating = provider(true, () => page.promoCodes.deactivate(page.credit.id));
    expect(await page.buyCredit(attempt(), deactivating)).toMatchObject({ state: 'done' });
  });
});

describe('what the table of failures says', () => {
  const hold = async (fields: object = {}) => {
    const { customer: customerAddress, code, amount: baseReward } = attempt();
    const request = { code, shopId: 'shop-1', customerAddress, baseReward, ttlSeconds: 60, ...fields };
    const held = await page.promoCodes.reserve(request);
    if (!held.ok) throw new Error(held.message);
    return { request, id: held.use.id };
  };

  it('of confirm: replaced, rolled back, another payment, the same payment', async () => {
    const { request, id } = await hold();
    const { ttlSeconds: _, ...redemption } = request;
    await page.promoCodes.redeem(redemption);
    await expect(page.promoCodes.confirm(id)).rejects.toMatchObject({ code: 'HOLD_EXPIRED', reason: 'replaced' });

    const other = await hold();
    await page.promoCodes.confirm(other.id, { transactionId: 'a' });
    expect(await page.promoCodes.confirm(other.id, { transactionId: 'a' })).toMatchObject({ transactionId: 'a' });
    await expect(page.promoCodes.confirm(other.id, { transactionId: 'b' })).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    await page.promoCodes.rollbackUse(other.id);
    await expect(page.promoCodes.confirm(other.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('of keys: another length, and a redemption, are other requests', async () => {
    const { request } = await hold({ idempotencyKey: 'of a hold' });
    const conflict = { code: 'IDEMPOTENCY_CONFLICT' };
    await expect(page.promoCodes.reserve({ ...request, ttlSeconds: 61 })).rejects.toMatchObject(conflict);
    const { ttlSeconds: _, ...redemption } = request;
    await expect(page.promoCodes.redeem(redemption)).rejects.toMatchObject(conflict);
  });

  it('of ttlSeconds: from 1 to 31,622,400', async () => {
    for (const ttlSeconds of [0, 31_622_401])
      await expect(hold({ ttlSeconds })).rejects.toMatchObject({ code: 'VALIDATION' });
    for (const ttlSeconds of [1, 31_622_400]) await hold({ ttlSeconds });
  });

  it('of the counter: it goes down when holds are released, and previews know before', async () => {
    await hold();
    await page.promoCodes.update(page.credit.id, { totalUsageLimit: 1 });
    await expireHolds();
    expect(await used()).toBe(1);
    expect(
      await page.promoCodes.validate({ code: 'credit5', shopId: 'shop-1', customerAddress: 'another' }),
    ).toMatchObject({ valid: true });
    expect(await page.releaseAll()).toBe(1);
    expect(await used()).toBe(0);
  });
});
