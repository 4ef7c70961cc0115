import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { assertNoDrift, installTriggers, NotInstalledError, PromoCodeRepository } from '../../src/index';
import { cases, useSchema } from '../support';

interface Kinds {
  shop?: string;
  usesShop?: string;
  transaction?: string;
  customer?: string;
  useId?: string;
  dates?: string;
}

const tables = ({
  shop = 'text',
  usesShop = shop,
  transaction = 'text',
  customer = 'text',
  useId = 'serial',
  dates = 'timestamptz',
}: Kinds) => `
  DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"; SET search_path = :"schema";
  CREATE DOMAIN priority AS integer NOT NULL DEFAULT 1;
  CREATE DOMAIN order_number AS bigint;
  CREATE TABLE promo_codes (id serial PRIMARY KEY, code text NOT NULL, shop_id ${shop}, name text, description text,
    bonus_type text DEFAULT 'fixed', bonus_value numeric(18,2), max_bonus numeric, start_date ${dates} DEFAULT now(), end_date ${dates},
    total_usage_limit int, per_customer_limit int, times_used int DEFAULT 0, total_bonus_issued numeric(18,2) DEFAULT 0,
    is_active boolean DEFAULT true, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now(), rank priority);
  CREATE TABLE promo_code_uses (id ${useId} PRIMARY KEY, promo_code_id int REFERENCES promo_codes ON DELETE CASCADE,
    customer_address ${customer}, shop_id ${usesShop}, transaction_id ${transaction}, base_reward numeric(18,2),
    bonus_amount numeric(18,2), total_reward numeric(18,2), used_at timestamptz);
  RESET search_path`;

const t = useSchema('column kinds');
const { schema } = t;

async function installed(kinds: Kinds) {
  const client = await t.client();
  await client.query(t.expand(tables(kinds)));
  await installTriggers(t.pool, { schema });
  return new PromoCodeRepository(t.pool, { schema });
}

const UUID = '6F1C0F8E-3A55-4C0E-9D5E-1B1F0B6A0C11';

describe.each<[string, Kinds, { shops: string[]; customers: string[]; transactions: string[] }]>([
  [
    'integers',
    { shop: 'integer', transaction: 'bigint', customer: 'integer' },
    { shops: ['007', '7'], customers: ['+42', '42'], transactions: ['0010', '10'] },
  ],
  [
    'a text shop of uses',
    { shop: 'integer', usesShop: 'text', transaction: 'order_number', customer: 'varchar(80)' },
    { shops: ['07', '7'], customers: [' Ann ', 'ann'], transactions: ['0010', '10'] },
  ],
  [
    'uuids',
    { shop: 'uuid', transaction: 'uuid', customer: 'uuid' },
    {
      shops: [UUID, UUID.toLowerCase()],
      customers: [UUID, UUID.toLowerCase()],
      transactions: [`{${UUID}}`, UUID.toLowerCase()],
    },
  ],
])('shops, customers and transactions of %s', (_, kinds, { shops, customers, transactions }) => {
  const [shopId = '', shop] = shops;
  const [customerAddress = '', customer] = customers;
  const [transactionId = '', transaction] = transactions;

  it('do everything that a repository does', async () => {
    const repository = await installed(kinds);
    const code = await repository.create({ code: 'X', shopId, bonusValue: 5, perCustomerLimit: 9 });
    expect(code).toMatchObject({ shopId: shop });
    await expect(repository.create({ code: 'x', shopId: shop!, bonusValue: 5 })).rejects.toMatchObject({
      code: 'DUPLICATE_CODE',
    });
    const { transactionId: _, ...preview } = { code: 'X', shopId, customerAddress, baseReward: 10, transactionId };
    const ask = { ...preview, transactionId };
    const use = { shopId: shop, customerAddress: customer, transactionId: transaction };
    expect(await repository.validate(preview)).toMatchObject({ valid: true });
    expect(await repository.redeem(ask)).toMatchObject({ ok: true, use });
    for (const id of shops) {
      expect(await repository.redeem({ ...ask, shopId: id, idempotencyKey: 'k' })).toMatchObject({
        ok: true,
        use,
        replayed: id !== shopId,
      });
      expect(await repository.findByCode('x', id)).toMatchObject({ id: code.id });
      expect((await repository.list({ shopId: id })).items).toHaveLength(1);
    }
    const many = await repository.redeemMany([ask, { ...ask, transactionId: undefined }]);
    expect(many).toMatchObject([{ use }, { ok: true, use: { transactionId: null } }]);
    const held = await repository.reserve({ ...ask, transactionId: undefined, ttlSeconds: 60 });
    if (!held.ok) throw new Error(held.reason);
    expect(await repository.confirm(held.use.id, { transactionId })).toMatchObject({ transactionId: transaction });
    expect(await repository.confirm(held.use.id, { transactionId: transaction })).toMatchObject(use);
    expect(await repository.amendUse(held.use.id, { transactionId: null })).toMatchObject({ transactionId: null });
    expect(await repository.amendUse(held.use.id, { transactionId })).toMatchObject({ transactionId: transaction });
    expect((await repository.usesByCustomer(customerAddress)).items).toHaveLength(5);
    expect(await repository.usageStats(code.id)).toMatchObject({ totalUses: 5, distinctCustomers: 1 });
    expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: true });
    await assertNoDrift(t.pool, { schema });
  });

  it('refuse what the types cannot hold, by name, with nothing written', async () => {
    const repository = await installed(kinds);
    await repository.create({ code: 'X', shopId, bonusValue: 5 });
    const ask = { code: 'X', shopId, customerAddress, baseReward: 10, transactionId };
    const fields = { shopId: kinds.shop, customerAddress: kinds.customer, transactionId: kinds.transaction };
    for (const [path, type] of Object.entries(fields)) {
      if (type === 'varchar(80)') continue;
      for (const value of ['abc', '9'.repeat(30)]) {
        const issues = [{ path, message: expect.stringContaining(type === 'order_number' ? 'bigint' : type!) }];
        await expect(repository.redeem({ ...ask, [path]: value })).rejects.toMatchObject({
          code: 'VALIDATION',
          issues,
        });
      }
    }
    await expect(repository.create({ code: 'Y', shopId: 'abc', bonusValue: 5 })).rejects.toMatchObject({
      code: 'VALIDATION',
    });
    await expect(repository.list({ shopId: 'abc' })).rejects.toMatchObject({ code: 'VALIDATION' });
    expect((await repository.list()).items).toMatchObject([{ code: 'X', timesUsed: 0 }]);
  });
});

it.each<[Kinds, string]>([
  [{ useId: 'jsonb' }, 'promo_code_uses.id is jsonb, but must be one of: smallint'],
  [{ transaction: 'jsonb' }, 'promo_code_uses.transaction_id is jsonb, but must be one of: smallint'],
  [
    { shop: 'integer', usesShop: 'uuid' },
    `promo_code_uses.shop_id is uuid, but must be of the type of ${schema}.promo_codes.shop_id, integer`,
  ],
])('what redeeming cannot work with is named at the first call: %j', async (kinds, message) => {
  const repository = await installed(kinds);
  const error = await repository.list().catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(NotInstalledError);
  expect(error).toMatchObject({
    message: expect.stringContaining(message),
    missing: [expect.stringContaining(schema)],
  });
});

const DATES = ['date', 'timestamp(0)', 'timestamp', 'timestamptz(0)', 'timestamptz'];

describe.each(cases('types of dates', DATES, (_, index) => index < 2))('dates of type %s', (dates) => {
  it('name moments of their own precision, inclusive, alike in previews, calls, batches and holds', async () => {
    const repository = await installed({ dates });
    const answers = async (start: string, end: string) => {
      const code = randomUUID();
      // What the column makes of the present, and one unit more or less of it.
      await t.sql(
        `SET timezone = 'UTC'; INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, start_date, end_date)
           VALUES ('${code}', 's', 5, ${start}, ${end}); RESET timezone`,
      );
      const ask = { code, shopId: 's', customerAddress: 'ann', baseReward: 10 };
      const preview = await repository.validate(ask);
      const results = [
        await repository.redeem(ask),
        await repository.reserve({ ...ask, ttlSeconds: 60 }),
        ...(await repository.redeemMany([ask, ask])),
      ];
      const of = [
        preview.valid ? 'ok' : preview.reason,
        ...results.map((result) => (result.ok ? 'ok' : result.reason)),
      ];
      expect(new Set(of).size, String(of)).toBe(1);
      return of[0];
    };
    const day = `interval '1 day'`;
    expect(await answers('NULL', 'NULL')).toBe('ok');
    expect(await answers(`'-infinity'`, `'infinity'`)).toBe('ok');
    expect(await answers(`now() + 2 * ${day}`, `now() + 3 * ${day}`)).toBe('not_started');
    expect(await answers(`now() - 3 * ${day}`, `now() - 2 * ${day}`)).toBe('expired');
    if (dates === 'date') {
      expect(await answers('now()', 'now()')).toBe('ok');
      expect(await answers(`now() - ${day}`, 'now()')).toBe('ok');
    }
  });

  it('of new codes never lie ahead; a code that is read back is accepted as it is', async () => {
    const repository = await installed({ dates });
    for (let serial = 0; serial < 12; serial += 1) {
      const code = await repository.create({ code: `C${serial}`, shopId: 's', bonusValue: 5, perCustomerLimit: null });
      const { rows } = await t.sql(
        `SELECT start_date > now() AT TIME ZONE 'UTC' AS ahead FROM :"schema".promo_codes WHERE id = $1`,
        [code.id],
      );
      if (!dates.startsWith('timestamptz')) expect(rows[0]?.ahead).toBe(false);
      const ask = { code: code.code, shopId: 's', customerAddress: 'ann', baseReward: 10 };
      expect(await repository.redeem(ask)).toMatchObject({ ok: true });
      const patch = { startDate: code.startDate, endDate: code.startDate };
      expect(await repository.update(code.id, patch)).toMatchObject({
        startDate: code.startDate,
        endDate: code.startDate,
      });
      const again = await repository.findById(code.id);
      expect(await repository.update(code.id, { startDate: again!.endDate })).toMatchObject(patch);
      await new Promise((done) => setTimeout(done, 83));
    }
  });
});

it('an end on the present day is accepted where a date means its whole day', async () => {
  const repository = await installed({ dates: 'date' });
  const endDate = new Date(new Date().toISOString().slice(0, 10));
  const code = await repository.create({ code: 'TODAY', shopId: 's', bonusValue: 5, endDate });
  expect(await repository.redeem({ code: code.code, shopId: 's', customerAddress: 'a', baseReward: 1 })).toMatchObject({
    ok: true,
  });
});
