import type pg from 'pg';
import { expectTypeOf, it } from 'vitest';
import type {
  PromoCode,
  PromoCodeRepository,
  PromoCodeUse,
  RedeemInput,
  RedeemResult,
  RefusalReason,
  RepositoryOptions,
  ValidateResult,
} from '../../src/index';

declare const repository: PromoCodeRepository;
declare const result: RedeemResult;
declare const preview: ValidateResult;

// These are checked by the compiler; they never run.
function types(): void {
  if (result.ok) {
    expectTypeOf(result.use).toEqualTypeOf<PromoCodeUse>();
    expectTypeOf(result.replayed).toBeBoolean();
    expectTypeOf(result.expiresAt).toEqualTypeOf<Date | undefined>();
    // @ts-expect-error A success has no reason.
    result.reason;
  } else {
    expectTypeOf(result.reason).toEqualTypeOf<RefusalReason>();
    expectTypeOf(result.message).toBeString();
    // @ts-expect-error A refusal has no use.
    result.use;
  }
  // @ts-expect-error Whether there is a use must be asked first.
  result.use.id;
  if (preview.valid) expectTypeOf(preview.promoCode).toEqualTypeOf<PromoCode>();
  else expectTypeOf(preview.reason).toEqualTypeOf<RefusalReason>();

  expectTypeOf<PromoCodeUse['baseReward']>().toBeString();
  expectTypeOf<PromoCode['id']>().toBeString();
  expectTypeOf<PromoCode['totalUsageLimit']>().toEqualTypeOf<number | null>();
  expectTypeOf<RedeemInput['baseReward']>().toEqualTypeOf<string | number | bigint>();
  expectTypeOf<RepositoryOptions['schema']>().toEqualTypeOf<string | undefined>();

  const asked = { code: 'A', shopId: 's', customerAddress: 'c', baseReward: '1.00' };
  expectTypeOf(repository.redeem(asked)).resolves.toEqualTypeOf<RedeemResult>();
  expectTypeOf(repository.redeemMany([asked])).resolves.toEqualTypeOf<RedeemResult[]>();
  // @ts-expect-error A hold has a time to live.
  repository.reserve(asked);
  // @ts-expect-error The reward is not optional.
  repository.redeem({ code: 'A', shopId: 's', customerAddress: 'c' });
  // @ts-expect-error The code of a code cannot be changed.
  repository.update(1, { code: 'B' });
  // @ts-expect-error Counters are kept by triggers.
  repository.update(1, { timesUsed: 0 });

  // A type of the host's own is given as it stands, and ours are completed all the same.
  expectTypeOf<PromoCode['bonusType']>().toEqualTypeOf<'fixed' | 'percentage' | (string & {})>();
  const dates = { startDate: '2026-01-01T00:00:00Z', endDate: new Date() };
  repository.create({ code: 'A', shopId: 7n, bonusValue: 1, ...dates, columns: { tenant_id: 7 } });
  repository.ensure({ code: 'A', shopId: 's', bonusValue: 1 });
  // @ts-expect-error A state is one of five.
  repository.list({ state: 'active' });
  repository.findByCode('A');
  repository.findByCode('A', undefined, { client: undefined });
  repository.update(1, { name: 'x' }, { shopId: 's', client: undefined });
  repository.rollbackUse(1, { shopId: 's' });
  repository.confirm(1, { transactionId: 7, shopId: 's' });
  repository.usageStats(1, { days: 7 }, { shopId: 's' });
  // @ts-expect-error A redemption has its shop in the request.
  repository.redeem(asked, { shopId: 's' });
  repository.usesByCustomer('c', { shopId: 7 });
  expectTypeOf(repository.close()).resolves.toBeVoid();

  // Whatever node-postgres gives fits.
  const connections = {} as { pool: pg.Pool; client: pg.Client; lent: pg.PoolClient };
  repository.redeem(asked, { client: connections.client });
  repository.redeem(asked, { client: connections.lent });
  // @ts-expect-error A pool is no client.
  repository.redeem(asked, { client: connections.pool });
  expectTypeOf(connections.pool).toExtend<ConstructorParameters<typeof PromoCodeRepository>[0]>();
}

it('the types teach how to use the results', () => {
  expectTypeOf(types).toBeFunction();
});
