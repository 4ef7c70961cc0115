import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDrift } from '../../src/index';
import { isWhole } from '../support';
import { useRepository } from '../support/repository';

const Exact = Decimal.clone({ precision: 100, rounding: Decimal.ROUND_HALF_UP });
const cents = (max: bigint) =>
  fc.bigInt({ min: 0n, max }).map((value) => new Exact(value.toString()).div(100).toFixed(2));

describe.each(['own', 'seed'] as const)('amounts, on the tables of %s', (tables) => {
  const t = useRepository(`amounts ${tables}`, { tables });
  const { repository, newCode, request } = t;

  it.each([
    ['33.33', '15.15', '5.05'],
    ['2.01', '50', '1.01'],
    ['0.01', '50', '0.01'],
    ['0.01', '49.99', '0.00'],
    ['0.00', '100', '0.00'],
    ['100', '7.5', '7.50'],
  ])('%s at %s %% is %s', async (baseReward, bonusValue, bonusAmount) => {
    const code = await newCode({ bonusType: 'percentage', bonusValue, maxBonus: '1000' });
    expect(await repository.validate(request(code, { baseReward }))).toMatchObject({ bonusAmount });
    expect(await repository.redeem(request(code, { baseReward }))).toMatchObject({ use: { bonusAmount } });
  });

  it('a percentage is capped, a fixed bonus is not touched by the reward', async () => {
    const capped = await newCode({ bonusType: 'percentage', bonusValue: 50, maxBonus: '9.99' });
    expect(await repository.redeem(request(capped, { baseReward: '20' }))).toMatchObject({
      use: { baseReward: '20.00', bonusAmount: '9.99', totalReward: '29.99' },
    });
    const fixed = await newCode({ bonusValue: '0.10' });
    expect(await repository.redeem(request(fixed, { baseReward: '0.20' }))).toMatchObject({
      use: { bonusAmount: '0.10', totalReward: '0.30' },
    });
  });

  it('agree with an independent decimal library, to the width of the column', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cents(900_000_000_000_000_000n), fc.integer({ min: 1, max: 10_000 })), {
          minLength: 1,
          maxLength: 5,
        }),
        cents(9_999_999_999n).filter((cap) => cap !== '0.00'),
        async (uses, cap) => {
          for (const [base, hundredths] of uses) {
            const percent = new Exact(hundredths).div(100);
            const code = await newCode({
              bonusType: 'percentage',
              bonusValue: percent.toFixed(2),
              maxBonus: cap.length > 11 ? '99999999.99' : cap,
            });
            const result = await repository.redeem(request(code, { baseReward: base }));
            const bonus = Decimal.min(new Exact(base).mul(percent).div(100).toDecimalPlaces(2), code.maxBonus ?? '0');
            expect(result).toMatchObject({
              ok: true,
              use: {
                baseReward: base,
                bonusAmount: bonus.toFixed(2),
                totalReward: new Exact(base).add(bonus).toFixed(2),
              },
            });
          }
        },
      ),
      { numRuns: isWhole ? 40 : 15 },
    );
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  }, 60_000);

  it.skipIf(tables === 'seed')(
    'a big product is rounded once: a quotient cut before would be a cent more',
    async () => {
      // 0.05 % are 4,500,000,000,000.004950. The server cuts a quotient of that size at four places, which gives .0050.
      const code = await newCode({ bonusType: 'percentage', bonusValue: '0.05', maxBonus: '9999999999999.99' });
      expect(await repository.redeem(request(code, { baseReward: '9000000000000009.90' }))).toMatchObject({
        use: { bonusAmount: '4500000000000.00', totalReward: '9004500000000009.90' },
      });
    },
  );

  it.each([
    '-1',
    'NaN',
    'Infinity',
    '1e3',
    '1,5',
    '',
    '0x10',
    '1.005',
    '99999999999999999.00',
    Number.NaN,
    -0.01,
    1e21,
  ])('%s is refused before it is sent', async (baseReward) => {
    const code = await newCode();
    await expect(repository.redeem(request(code, { baseReward }))).rejects.toMatchObject({
      code: 'VALIDATION',
      issues: [{ path: 'baseReward', message: expect.stringContaining('plain decimal') }],
    });
  });

  it('a total that the column cannot hold is a ValidationError, and nothing is recorded', async () => {
    const code = await newCode();
    await expect(repository.redeem(request(code, { baseReward: '9999999999999999.99' }))).rejects.toMatchObject({
      code: 'VALIDATION',
    });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });
});
