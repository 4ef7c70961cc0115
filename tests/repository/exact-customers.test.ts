import { beforeAll, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { useSchema } from '../support';
import { intercepted } from '../support/intercepted';

const t = useSchema('exact customers');
const { schema } = t;
const repository = new PromoCodeRepository(t.pool, { schema });
const CUSTOMERS = ['cus_A', 'cus_a', ' cus_A', 'cus_A ', 'cus_A\t'];
let serial = 0;

async function newCode(fields = {}) {
  serial += 1;
  return repository.create({ code: `CODE${serial}`, shopId: 'shop', bonusValue: 5, ...fields });
}

beforeAll(() => installSchema(t.pool, { schema, customerMatching: 'exact', history: true }));

it('customers that differ in case or white space are different ones, stored and found as they are', async () => {
  const { id, code } = await newCode();
  for (const customerAddress of CUSTOMERS) {
    const asked = { code, shopId: 'shop', customerAddress, baseReward: 1 };
    expect(await repository.validate(asked)).toMatchObject({ valid: true });
    expect(await repository.redeem(asked)).toMatchObject({ ok: true, use: { customerAddress } });
    expect(await repository.validate(asked)).toMatchObject({ reason: 'customer_limit_reached' });
    expect(await repository.redeem(asked)).toMatchObject({ reason: 'customer_limit_reached' });
  }
  for (const customerAddress of CUSTOMERS) {
    const { items } = await repository.usesByCustomer(customerAddress);
    expect(items.map((use) => use.customerAddress)).toEqual([customerAddress]);
    const records = await repository.history({ customerAddress });
    expect(records.items.map((record) => record.customerAddress)).toEqual([customerAddress]);
  }
  expect((await repository.usesByCustomer('CUS_A')).items).toEqual([]);
  expect(await repository.usageStats(id)).toMatchObject({ totalUses: 5, distinctCustomers: 5 });
});

it('one of them is erased, and no other', async () => {
  const { code, id } = await newCode({ customerAddress: 'cus_E' });
  const asked = { code, shopId: 'shop', baseReward: 1 };
  expect(await repository.redeem({ ...asked, customerAddress: 'cus_e' })).toMatchObject({ reason: 'not_for_customer' });
  expect(await repository.redeem({ ...asked, customerAddress: 'cus_E' })).toMatchObject({ ok: true });
  expect(await repository.eraseCustomer('cus_e', { replacement: 'gone' })).toMatchObject({
    codes: 0,
    uses: 0,
    records: 0,
  });
  expect(await repository.eraseCustomer('cus_E', { replacement: 'Gone' })).toMatchObject({
    codes: 1,
    uses: 1,
    records: 2,
  });
  expect((await repository.history({ promoCodeId: id })).items.map((record) => record.after?.customerAddress)).toEqual([
    'Gone',
    'Gone',
  ]);
});

it('many in one statement as well', async () => {
  const { code } = await newCode();
  const asked = CUSTOMERS.map((customerAddress) => ({ code, shopId: 'shop', customerAddress, baseReward: 1 }));
  const results = await repository.redeemMany([...asked, ...asked]);
  expect(results.map((result) => (result.ok ? result.use.customerAddress : result.reason))).toEqual([
    ...CUSTOMERS,
    ...CUSTOMERS.map(() => 'customer_limit_reached'),
  ]);
});

it.each(CUSTOMERS)('a use of %j whose answer was lost is found, once', async (customerAddress) => {
  const { code, id } = await newCode({ perCustomerLimit: null });
  let isLost = false;
  const pool = intercepted(t.pool, async (text, values, send) => {
    const answer = await send(text, values);
    if (isLost || !text.includes('.redeem_promo_code')) return answer;
    isLost = true;
    throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
  });
  const asked = { code, shopId: 'shop', customerAddress, baseReward: 1 };
  const result = await new PromoCodeRepository(pool, { schema }).redeem(asked);
  expect(result).toMatchObject({ ok: true, replayed: false, use: { customerAddress } });
  expect(isLost).toBe(true);
  expect(await repository.usageStats(id)).toMatchObject({ totalUses: 1 });
});

it('one of nothing but white space is refused all the same', async () => {
  const { code } = await newCode();
  const redeeming = repository.redeem({ code, shopId: 'shop', customerAddress: ' ', baseReward: 1 });
  await expect(redeeming).rejects.toMatchObject({ issues: [{ path: 'customerAddress' }] });
});
