import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  type CreateInput,
  installTriggers,
  PromoCodeRepository,
  ValidationError,
} from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

/** Columns that a host may do without, in the order in which they are checked. */
const ABSENT = {
  name: 'x',
  description: 'x',
  bonusType: 'fixed',
  maxBonus: 1,
  startDate: new Date(),
  endDate: '2096-01-01T00:00:00Z',
  totalUsageLimit: 3,
  perCustomerLimit: 3,
  isActive: true,
} as const;

async function issuesOf(call: Promise<unknown>) {
  const error = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues;
}

const leftOut = (table: string, fields: readonly string[]) =>
  fields.map((path) => expect.objectContaining({ path, message: `must be left out: ${table} has no column for it` }));

const shopless = useSchema('shopless uses');

describe.each(['uuid', 'text'])('a host with ids of type %s and little else', (type) => {
  const t = useSchema(`bare ${type}`);
  const { schema } = t;
  const repository = new PromoCodeRepository(t.pool, { schema });
  /** One that knows nothing of the host yet. */
  const fresh = () => new PromoCodeRepository(t.pool, { schema });

  beforeAll(async () => {
    await t.sql(`
      CREATE TABLE :"schema".vouchers (id ${type} PRIMARY KEY DEFAULT gen_random_uuid()::${type}, code text NOT NULL,
        bonus_value numeric(18,2) NOT NULL, times_used bigint NOT NULL DEFAULT 0, total numeric(18,2) NOT NULL DEFAULT 0);
      CREATE TABLE :"schema".vouchers_used (id ${type} PRIMARY KEY DEFAULT gen_random_uuid()::${type},
        voucher ${type} NOT NULL REFERENCES :"schema".vouchers ON DELETE CASCADE, customer text NOT NULL,
        bonus numeric(18,2) NOT NULL)`);
    const none = Object.fromEntries(
      [...Object.keys(ABSENT), 'shopId', 'createdAt', 'updatedAt'].map((role) => [role, null]),
    );
    await installTriggers(t.pool, {
      schema,
      tables: {
        codes: { name: 'vouchers', columns: { ...none, totalBonusIssued: 'total' } },
        uses: {
          name: 'vouchers_used',
          columns: {
            ...{ promoCodeId: 'voucher', customerAddress: 'customer', bonusAmount: 'bonus', shopId: null },
            ...{ transactionId: null, baseReward: null, totalReward: null, usedAt: null },
          },
        },
      },
    });
  });

  let serial = 0;
  const newName = () => {
    serial += 1;
    return `CODE${serial}`;
  };
  const newCode = () => repository.create({ code: newName(), bonusValue: '5.00' });

  it('has codes with what there is', async () => {
    const code = await newCode();
    expect(code).toMatchObject({
      ...{ shopId: '', name: null, description: null, bonusType: 'fixed', bonusValue: '5.00', maxBonus: null },
      ...{ totalUsageLimit: null, perCustomerLimit: null, timesUsed: 0, totalBonusIssued: '0.00', isActive: true },
    });
    expect(await repository.findById(code.id)).toEqual(code);
    expect(await repository.update(code.id, { bonusValue: '6.00' })).toEqual({ ...code, bonusValue: '6.00' });
    expect((await repository.list({ state: 'redeemable', search: code.code })).items).toHaveLength(1);
  });

  it.each(Object.entries(ABSENT))('refuses %s, which has no column', async (field, value) => {
    const code = await newCode();
    const input = { code: newName(), bonusValue: 1, [field]: value } as CreateInput;
    const expected = leftOut('vouchers', [field]);
    expect(await issuesOf(repository.create(input))).toEqual(expected);
    expect(await issuesOf(fresh().ensure(input))).toEqual(expected);
    const { code: _, ...template } = input;
    expect(await issuesOf(repository.generate({ ...template, count: 2 }))).toEqual(expected);
    expect(await issuesOf(repository.update(code.id, { [field]: value }))).toEqual(expected);
    expect(await repository.findByCode(input.code)).toBeNull();
    expect(await repository.findById(code.id)).toEqual(code);
  });

  it('names all of them at once, and takes null for nothing', async () => {
    const input = { ...ABSENT, code: newName(), bonusValue: 1 };
    expect(await issuesOf(repository.create(input))).toEqual(leftOut('vouchers', Object.keys(ABSENT)));
    const nothing = Object.fromEntries(Object.keys(ABSENT).map((field) => [field, null]));
    const code = await repository.create({ ...nothing, code: newName(), bonusValue: 1 });
    expect(await repository.update(code.id, nothing)).toEqual(code);
    expect(await issuesOf(repository.deactivate(code.id))).toMatchObject([{ path: 'isActive' }]);
  });

  it('refuses a purchase, wherever one is named', async () => {
    const { code } = await newCode();
    const asked = { code, customerAddress: 'ann', baseReward: 1 };
    const named = { ...asked, transactionId: 'order' };
    const expected = leftOut('vouchers_used', ['transactionId']);
    expect(await issuesOf(fresh().redeem(named))).toEqual(expected);
    expect(await issuesOf(repository.reserve({ ...named, ttlSeconds: 60 }))).toEqual(expected);
    expect((await issuesOf(repository.redeemMany([asked, named]))).map(({ path }) => path)).toEqual([
      '1.transactionId',
    ]);
    const result = await repository.reserve({ ...asked, ttlSeconds: 60 });
    if (!result.ok) throw new Error(result.message);
    const { id } = result.use;
    expect(await issuesOf(repository.confirm(id, { transactionId: 'order' }))).toEqual(expected);
    expect(await repository.confirm(id)).toMatchObject({ id, transactionId: null, bonusAmount: '5.00' });
    const fields = ['baseReward', 'transactionId'];
    expect(await issuesOf(repository.amendUse(id, { baseReward: 1, transactionId: 'order' }))).toEqual(
      leftOut('vouchers_used', fields),
    );
    expect(await repository.amendUse(id, { bonusAmount: 2, transactionId: null })).toMatchObject({
      bonusAmount: '2.00',
    });
    await assertNoDrift(t.pool, { schema });
  });

  it('has no shops: one that is given is ignored', async () => {
    const code = newName();
    const made = await fresh().create({ code, shopId: 'anything', bonusValue: 5 });
    expect(made.shopId).toBe('');
    const same = { id: made.id, bonusValue: '5.00', shopId: '' };
    const duplicate = repository.create({ code: code.toLowerCase(), shopId: 'other', bonusValue: 5 });
    await expect(duplicate).rejects.toMatchObject({
      code: 'DUPLICATE_CODE',
      message: expect.stringMatching(/^There is a/),
    });
    for (const shopId of ['other', 7, '', undefined]) {
      expect(await repository.ensure({ code, shopId, bonusValue: 9 })).toMatchObject(same);
      expect(await fresh().findByCode(code, shopId)).toMatchObject(same);
      expect((await repository.list({ shopId, search: code })).items).toMatchObject([same]);
      const asked = { code, shopId, customerAddress: 'bob', baseReward: 1 };
      expect(await repository.validate(asked)).toMatchObject({ valid: true, bonusAmount: '5.00' });
      const key = { ...asked, idempotencyKey: `key ${code}` };
      expect(await fresh().redeem(key)).toMatchObject({ ok: true, replayed: shopId !== 'other', use: { shopId: '' } });
    }
    expect(await fresh().redeemMany([{ code, customerAddress: 'cid', baseReward: 1 }])).toMatchObject([{ ok: true }]);
    expect((await repository.usesByCustomer('bob', { shopId: 'other' })).items).toMatchObject([
      { promoCodeId: made.id },
    ]);
    expect(await repository.generate({ count: 2, bonusValue: 1 })).toHaveLength(2);
    const unknown = randomUUID();
    await expect(repository.delete(unknown)).rejects.toThrow(`There is no promo code with the id ${unknown}.`);
    // What cannot be kept is no guard.
    const refusal = {
      path: 'shopId',
      message: expect.stringMatching(/^must be left out: vouchers has no column for it/),
    };
    for (const call of [
      () => fresh().findById(made.id, { shopId: 'other' }),
      () => fresh().rollbackUse(unknown, { shopId: 'other' }),
      () => repository.usageStats(made.id, { shopId: 'other' }),
    ]) {
      expect(await issuesOf(call())).toMatchObject([refusal]);
    }
    expect(await repository.findById(made.id, { shopId: made.shopId })).toMatchObject(same);
    const { topCodes, ...stats } = await repository.shopStats({ shopId: 'other' });
    expect(stats.shopId).toBeNull();
    expect(topCodes.map(({ id }) => id)).toContain(made.id);
    expect(await issuesOf(repository.list({ shopId: {} as never }))).toMatchObject([{ path: 'shopId' }]);
    await assertNoDrift(t.pool, { schema });
  });

  it('finds a code that was stored with a character that nobody types', async () => {
    const name = newName();
    await t.sql('INSERT INTO :"schema".vouchers (code, bonus_value) VALUES ($1, 5)', [`${name}\r`]);
    expect(await repository.findByCode(name)).toMatchObject({ code: `${name}\r` });
    expect(await fresh().redeem({ code: name, customerAddress: 'ann', baseReward: 1 })).toMatchObject({ ok: true });
  });

  it('says whose lock was waited for, without a shop', async () => {
    const { id, code } = await newCode();
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand(`SELECT FROM :"schema".vouchers WHERE id::text = $1 FOR UPDATE`), [id]);
    const impatient = new PromoCodeRepository(t.pool, { schema, lockTimeoutMs: 100 });
    const redeeming = impatient.redeem({ code, shopId: 'anything', customerAddress: 'ann', baseReward: 1 });
    await expect(redeeming).rejects.toMatchObject({
      ...{ code: 'LOCK_TIMEOUT', promoCodeId: id },
      message: expect.stringContaining(`the promo code ${code} (id ${id}) was not granted`),
    });
    await holder.query('ROLLBACK');
  });

  it('reads ids as its columns do', async () => {
    const code = await newCode();
    const padded = `{${code.id.toUpperCase()}}`;
    if (type === 'text') {
      expect(await repository.findById(padded)).toBeNull();
      expect(await repository.findById('no uuid')).toBeNull();
      expect(await repository.findById(7)).toBeNull();
    } else {
      expect(await fresh().findById(padded)).toEqual(code);
      for (const id of ['no uuid', 7, `${code.id}0`]) {
        expect(await issuesOf(repository.findById(id))).toMatchObject([{ path: 'id', message: 'must be a UUID' }]);
        expect(await issuesOf(fresh().rollbackUse(id))).toMatchObject([{ path: 'id', message: 'must be a UUID' }]);
      }
      const cursor = Buffer.from('id:7').toString('base64url');
      expect(await issuesOf(fresh().list({ cursor }))).toMatchObject([{ path: 'cursor' }]);
    }
  });
});

it('uses without a shop of their own have that of their code', async () => {
  await shopless.sql(SEED_TABLES);
  await shopless.sql('ALTER TABLE :"schema".promo_code_uses DROP shop_id');
  const { schema } = shopless;
  await installTriggers(shopless.pool, { schema, tables: { uses: { columns: { shopId: null } } } });
  const repository = new PromoCodeRepository(shopless.pool, { schema });
  const code = await repository.create({ code: 'X', shopId: 'shop-1', bonusValue: 5, perCustomerLimit: null });
  const asked = { code: 'x', shopId: 'shop-1', customerAddress: 'ann', baseReward: 1 };
  const shopId = 'shop-1';
  const used = await repository.redeem({ ...asked, idempotencyKey: 'key' });
  expect(used).toMatchObject({ ok: true, use: { shopId } });
  expect(await repository.redeem({ ...asked, idempotencyKey: 'key' })).toMatchObject({
    replayed: true,
    use: { shopId },
  });
  const many = await repository.redeemMany([asked, asked]);
  expect(many).toMatchObject([{ use: { shopId } }, { use: { shopId } }]);
  const held = await repository.reserve({ ...asked, ttlSeconds: 60 });
  if (!held.ok) throw new Error(held.message);
  expect(await repository.confirm(held.use.id, { transactionId: 'order' })).toMatchObject({ shopId });
  expect(await repository.amendUse(held.use.id, { bonusAmount: 1 })).toMatchObject({ shopId });
  const { items } = await repository.usesByCode(code.id);
  expect(items.map((use) => use.shopId)).toEqual(Array.from({ length: 4 }, () => shopId));
  expect((await repository.usesByCustomer('ann', { shopId })).items).toEqual(items);
  expect((await repository.usesByCustomer('ann', { shopId: 'shop-2' })).items).toEqual([]);
  await assertNoDrift(shopless.pool, { schema });
});

describe('a host without a column for caps', () => {
  const t = useSchema('uncapped');
  const { schema } = t;
  const repository = new PromoCodeRepository(t.pool, { schema });

  it('has percentages without one', async () => {
    await t.sql(SEED_TABLES);
    await t.sql('ALTER TABLE :"schema".promo_codes DROP max_bonus');
    await installTriggers(t.pool, { schema, tables: { codes: { columns: { maxBonus: null } } } });
    const percentage = { shopId: 'shop', bonusType: 'percentage', bonusValue: '12.50' } as const;
    const code = await repository.create({ ...percentage, code: 'X' });
    expect(code).toMatchObject({ bonusType: 'percentage', maxBonus: null });
    expect(await repository.update(code.id, { bonusValue: '50' })).toMatchObject({ bonusValue: '50.00' });
    expect(await issuesOf(repository.update(code.id, { maxBonus: 5 }))).toEqual(leftOut('promo_codes', ['maxBonus']));
    expect(await issuesOf(repository.create({ ...percentage, code: 'Y', bonusValue: 101 }))).toMatchObject([
      { path: 'bonusValue' },
    ]);
    const asked = { code: 'X', shopId: 'shop', customerAddress: 'ann', baseReward: '2.01' };
    expect(await repository.redeem(asked)).toMatchObject({ ok: true, use: { bonusAmount: '1.01' } });
  });
});
