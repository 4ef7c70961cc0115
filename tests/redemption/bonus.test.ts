import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { assertNoDrift, installTriggers, PromoCodeRepository, ValidationError } from '../../src/index';
import { isWhole, useSchema } from '../support';
import { useRepository } from '../support/repository';

/** Types of bonus_amount, total_reward and total_bonus_issued, and the places that a bonus then has; none: it is exact. */
const COLUMNS = [
  ['numeric(18,2)', 'numeric(18,2)', 'numeric(18,2)', 2],
  ['numeric(18,3)', 'numeric(18,3)', 'numeric(18,3)', 3],
  ['integer', 'bigint', 'integer', 0],
  ['integer', 'numeric(18,2)', 'numeric(18,2)', 0],
  ['numeric(18,4)', 'numeric(18,4)', 'numeric(18,2)', 2],
  ['numeric(18,4)', 'numeric(18,1)', 'numeric(18,2)', 1],
  ['numeric', 'numeric', 'numeric(18,2)', 2],
  ['numeric', 'numeric', 'numeric', undefined],
] as const;

describe.each(COLUMNS)('a bonus in %s, with a total in %s and a counter in %s', (bonus, total, counter, places) => {
  const t = useSchema('bonus');
  const { schema } = t;
  const repository = new PromoCodeRepository(t.pool, { schema });
  beforeAll(async () => {
    await t.sql(`
      CREATE TABLE :"schema".promo_codes (id serial PRIMARY KEY, code text, shop_id text, name text, description text,
        bonus_type text, bonus_value numeric(18,3), max_bonus numeric(18,5), start_date timestamptz, end_date timestamptz,
        total_usage_limit int, per_customer_limit int, times_used int DEFAULT 0, total_bonus_issued ${counter} DEFAULT 0,
        is_active boolean DEFAULT true, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
      CREATE TABLE :"schema".promo_code_uses (id serial PRIMARY KEY, promo_code_id int REFERENCES :"schema".promo_codes,
        customer_address text, shop_id text, transaction_id text, base_reward numeric(18,1), bonus_amount ${bonus},
        total_reward ${total}, used_at timestamptz)`);
    await installTriggers(t.pool, { schema });
  });

  it('is the same in a preview, a call, a batch, a hold and in order; it is rounded once, and the total is the sum', async () => {
    let serial = 0;
    const step = places === 0 ? 1 : 10;
    const property = fc.asyncProperty(
      fc.boolean(),
      fc.integer({ min: 1, max: 99_999 }),
      fc.integer({ min: 1, max: 3_000_000 }),
      fc.integer({ min: 0, max: 9_999 }),
      async (isPercentage, value, cap, baseReward) => {
        const fields = {
          bonusType: isPercentage ? ('percentage' as const) : ('fixed' as const),
          bonusValue: new Decimal(value).div(1_000).toFixed(),
          maxBonus: isPercentage ? new Decimal(cap).div(100_000).toFixed() : null,
        };
        const base = new Decimal(baseReward).div(total === 'bigint' ? 1 : step).toFixed();
        serial += 1;
        const code = await repository.create({ code: `B${serial}`, shopId: 's', perCustomerLimit: null, ...fields });
        const ask = { code: code.code, shopId: 's', customerAddress: 'ann', baseReward: base };
        const exact = isPercentage
          ? new Decimal(base).times(fields.bonusValue).div(100)
          : new Decimal(fields.bonusValue);
        const rounded = places === undefined ? exact : exact.toDecimalPlaces(places, Decimal.ROUND_HALF_UP);
        const bound = fields.maxBonus && new Decimal(fields.maxBonus).toDecimalPlaces(places ?? 5, Decimal.ROUND_DOWN);
        const expected = bound ? Decimal.min(rounded, bound) : rounded;

        const preview = await repository.validate(ask);
        const off = await repository.create({ code: `OFF${serial}`, shopId: 's', isActive: false, bonusValue: 1 });
        const results = [
          await repository.redeem(ask),
          ...(await repository.redeemMany([ask, ask])),
          ...(await repository.redeemMany([ask, { ...ask, code: off.code }])).slice(0, 1),
          await repository.reserve({ ...ask, ttlSeconds: 60 }),
        ];
        for (const result of results) {
          if (!result.ok) throw new Error(result.reason);
          expect(new Decimal(result.use.bonusAmount).eq(expected), `${result.use.bonusAmount} ${expected}`).toBe(true);
          expect(new Decimal(base).plus(result.use.bonusAmount).eq(result.use.totalReward)).toBe(true);
          expect(preview).toMatchObject({ valid: true, bonusAmount: result.use.bonusAmount });
        }
      },
    );
    await fc.assert(property, { numRuns: isWhole ? 25 : 10 });
    await assertNoDrift(t.pool, { schema });
  });
});

describe('bonus types', () => {
  const t = useRepository('bonus types', { tables: 'seed' });
  const { repository, newCode, request } = t;

  it.each(['percent', '', 'FIXED%'])(
    'of %j are refused the same by all, with nothing recorded, unless a bonus is given',
    async (type) => {
      const code = await newCode({ perCustomerLimit: null });
      await t.sql('UPDATE :"schema".promo_codes SET bonus_type = $1 WHERE id = $2', [type, code.id]);
      const ask = request(code);
      const refused = { reason: 'unsupported_bonus_type', message: expect.stringContaining('bonus type') };
      expect(await repository.validate(ask)).toMatchObject(refused);
      expect(await repository.redeem(ask)).toMatchObject(refused);
      expect(await repository.redeemMany([ask, { ...ask, bonusAmount: '1.25' }])).toMatchObject([
        refused,
        { ok: true, use: { bonusAmount: '1.25', totalReward: '11.25' } },
      ]);
      expect(await repository.validate({ ...ask, bonusAmount: 2 })).toMatchObject({ valid: true, bonusAmount: '2.00' });
      expect(await repository.redeem({ ...ask, bonusAmount: 2 })).toMatchObject({
        ok: true,
        use: { bonusAmount: '2.00' },
      });
      expect(await t.counts(code)).toEqual({ timesUsed: 2, uses: 2, total: '3.25' });
    },
  );

  it('are read without case and outer spaces', async () => {
    const code = await newCode({ bonusType: 'percentage', bonusValue: 10, maxBonus: 50 });
    await t.sql(`UPDATE :"schema".promo_codes SET bonus_type = ' Percentage ' WHERE id = $1`, [code.id]);
    expect(await repository.redeem(request(code, { baseReward: 55 }))).toMatchObject({ use: { bonusAmount: '5.50' } });
  });

  it('a given bonus is not capped, is part of what a key stands for, and has to fit the columns', async () => {
    const code = await newCode({ bonusType: 'percentage', bonusValue: 10, maxBonus: 1, perCustomerLimit: null });
    const ask = request(code, { bonusAmount: '7.50', idempotencyKey: 'given' });
    expect(await repository.redeem(ask)).toMatchObject({ ok: true, replayed: false, use: { bonusAmount: '7.50' } });
    expect(await repository.redeem({ ...ask, bonusAmount: 7.5 })).toMatchObject({ ok: true, replayed: true });
    for (const bonusAmount of ['7.51', undefined]) {
      await expect(repository.redeem({ ...ask, bonusAmount })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    }
    await expect(repository.redeem(request(code, { bonusAmount: '1.005' }))).rejects.toBeInstanceOf(ValidationError);
    const held = await repository.reserve({ ...request(code), bonusAmount: '9', ttlSeconds: 60 });
    expect(held).toMatchObject({ ok: true, use: { bonusAmount: '9.00' } });
  });
});
