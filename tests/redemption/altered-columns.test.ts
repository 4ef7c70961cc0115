import { expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { useRepository } from '../support/repository';

const t = useRepository('altered columns');
const { newCode, request, schema } = t;

it('a connection that has redeemed before follows columns that are altered', async () => {
  const pool = t.poolWith({ max: 1 });
  const repository = new PromoCodeRepository(pool, { schema });
  const code = await newCode({ bonusType: 'percentage', bonusValue: '10', maxBonus: '50', perCustomerLimit: null });
  const ask = (fields = {}) => request(code, { baseReward: '0.12', ...fields });
  const one = async (fields?: object) => {
    const result = await repository.redeem(ask(fields));
    if (!result.ok) throw new Error(result.reason);
    return result.use;
  };
  const many = async () => {
    const results = await repository.redeemMany([ask(), ask()]);
    return results.map((result) => (result.ok ? result.use.bonusAmount : result.reason));
  };
  for (let times = 0; times < 3; times += 1) {
    expect((await one()).bonusAmount).toBe('0.01');
    expect(await many()).toEqual(['0.01', '0.01']);
  }
  await t.sql(
    `ALTER TABLE :"schema".promo_code_uses ALTER bonus_amount TYPE numeric(14, 4), ALTER total_reward TYPE numeric(14, 4)`,
  );
  expect((await one()).bonusAmount).toBe('0.0100');
  await t.sql(`ALTER TABLE :"schema".promo_codes ALTER total_bonus_issued TYPE numeric(14, 4)`);
  expect((await one()).bonusAmount).toBe('0.0120');
  expect(await many()).toEqual(['0.0120', '0.0120']);
  await t.sql(`ALTER TABLE :"schema".promo_code_uses ALTER transaction_id TYPE bigint USING NULL`);
  expect((await one({ transactionId: '42' })).transactionId).toBe('42');
});
