import { expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { useRepository } from '../support/repository';

const t = useRepository('bound codes');
const { repository, newCode, request } = t;

/** What a preview says, and then the redemption by itself and in a batch. */
async function reasonOf(...args: Parameters<typeof request>): Promise<string> {
  const asked = request(...args);
  const preview = await repository.validate(asked);
  const [one, [batched]] = [await repository.redeem(asked), await repository.redeemMany([asked, request(args[0])])];
  const reasons = [preview.valid ? 'ok' : preview.reason, ...[one, batched!].map((r) => (r.ok ? 'ok' : r.reason))];
  expect(new Set(reasons).size, String(reasons)).toBe(1);
  return reasons[0]!;
}

it('a code that is bound is for its customer alone, compared as customers are', async () => {
  const code = await newCode({ customerAddress: ' Ann@Example.com ', perCustomerLimit: null });
  expect(code.customerAddress).toBe('ann@example.com');
  expect(await reasonOf(code, { customerAddress: 'bob' })).toBe('not_for_customer');
  expect(await reasonOf(code, { customerAddress: 'ANN@example.com' })).toBe('ok');
  expect(await repository.findByCode(code.code, 'shop')).toMatchObject({ customerAddress: 'ann@example.com' });
});

it('with uniform refusals it looks as if it were not there', async () => {
  const code = await newCode({ customerAddress: 'ann' });
  const uniform = new PromoCodeRepository(t.pool, { schema: t.schema, uniformRefusals: true });
  const unknown = await uniform.redeem(request(code, { code: 'NOPE' }));
  expect(await uniform.redeem(request(code))).toEqual(unknown);
  expect(await uniform.validate(request(code))).toMatchObject({ valid: false, reason: 'not_found' });
});

it('a code has a least reward', async () => {
  const code = await newCode({ minBaseReward: '20.00', perCustomerLimit: null });
  expect(code.minBaseReward).toBe('20.00');
  expect(await reasonOf(code, { baseReward: '19.99' })).toBe('below_minimum');
  expect(await reasonOf(code, { baseReward: '20' })).toBe('ok');
  // Whether it is enough is not known yet.
  expect(await repository.validate({ ...request(code), baseReward: undefined })).toMatchObject({ valid: true });
});

it('the reasons come in this order', async () => {
  const code = await newCode({ isActive: false, customerAddress: 'ann', minBaseReward: 20, totalUsageLimit: 1 });
  const asked = { customerAddress: 'bob' };
  expect(await reasonOf(code, asked)).toBe('inactive');
  await repository.activate(code.id);
  expect(await reasonOf(code, asked)).toBe('not_for_customer');
  await repository.redeem(request(code, { customerAddress: 'ann', baseReward: 20 }));
  expect(await reasonOf(code, { customerAddress: 'ann' })).toBe('below_minimum');
  expect(await reasonOf(code, { customerAddress: 'ann', baseReward: 20 })).toBe('usage_limit_reached');
});

it('keeps what a host wants to keep with it', async () => {
  const metadata = { campaign: 'spring', tags: ['a', null, 1.5, true], at: new Date(0), gone: undefined, 'ü "\\': {} };
  const code = await newCode({ metadata });
  const kept = { campaign: 'spring', tags: ['a', null, 1.5, true], at: '1970-01-01T00:00:00.000Z', 'ü "\\': {} };
  expect(code.metadata).toEqual(kept);
  expect((await repository.list({ search: code.code })).items[0]?.metadata).toEqual(kept);
  expect((await repository.ensure({ code: 'KEPT', shopId: 'shop', bonusValue: 1, metadata: [0] })).metadata).toEqual([
    0,
  ]);
  expect((await newCode({ metadata: 'null' })).metadata).toBe('null');
});

it('generate makes one code for each customer, in their order', async () => {
  const customers = Array.from({ length: 1_200 }, (_, place) => (place === 3 ? ' Dan ' : `c${place}`));
  const codes = await repository.generate({ shopId: 'shop', customers, bonusValue: 5, metadata: { list: 7 } });
  expect(codes.map(({ customerAddress }) => customerAddress)).toEqual(customers.map((one) => one.trim().toLowerCase()));
  expect(codes[3]?.metadata).toEqual({ list: 7 });
  expect(await repository.redeem(request(codes[3]!, { customerAddress: 'dan' }))).toMatchObject({ ok: true });
  expect(await repository.redeem(request(codes[4]!, { customerAddress: 'dan' }))).toMatchObject({
    reason: 'not_for_customer',
  });
});

it('and gives another one to those whose code there is already', async () => {
  // Makes every third code exist already, as far as the function knows.
  await t.sql(`CREATE FUNCTION :"schema".skip() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN IF random() < 0.3 THEN RETURN NULL; END IF; RETURN NEW; END $$;
               CREATE TRIGGER skip BEFORE INSERT ON :"schema".promo_codes FOR EACH ROW EXECUTE FUNCTION :"schema".skip()`);
  const customers = Array.from({ length: 50 }, (_, place) => `c${place}`);
  const codes = await repository.generate({ shopId: 'shop', customers, count: 50, bonusValue: 5 });
  await t.sql('DROP TRIGGER skip ON :"schema".promo_codes');
  expect(codes.map(({ customerAddress }) => customerAddress)).toEqual(customers);
});

it('says what is wrong with the customers', async () => {
  const make = (fields: object) => repository.generate({ shopId: 'shop', bonusValue: 5, ...fields });
  const issue = (path: string) => ({ issues: [expect.objectContaining({ path })] });
  await expect(make({})).rejects.toMatchObject(issue('count'));
  await expect(make({ customers: [] })).rejects.toMatchObject(issue('customers'));
  await expect(make({ customers: ['ann', ' '] })).rejects.toMatchObject(issue('customers.1'));
  await expect(make({ customers: ['ann'], count: 2 })).rejects.toMatchObject(issue('count'));
  await expect(make({ customers: ['ann'], customerAddress: 'bob' })).rejects.toMatchObject(issue('customerAddress'));
});
