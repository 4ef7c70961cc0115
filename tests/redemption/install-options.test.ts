import { beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, type InstallOptions, installSchema, installTriggers, PromoCodeRepository } from '../../src/index';
import { useSchema } from '../support';

const installations: InstallOptions[] = [
  { counterWrites: 'reject' },
  { counterWrites: 'ignore', enforceLimits: true },
  { granularity: 'row', enforceLimits: true },
];

/** Partitioned by time, so that the primary key is not the id alone. */
const PARTITIONED = `
  DROP TABLE :"schema".promo_code_uses;
  CREATE TABLE :"schema".promo_code_uses (
    id               bigint GENERATED ALWAYS AS IDENTITY,
    promo_code_id    bigint NOT NULL REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE,
    customer_address varchar(42) NOT NULL,
    shop_id          text NOT NULL,
    transaction_id   text,
    base_reward      numeric(18,2) NOT NULL,
    bonus_amount     numeric(18,2) NOT NULL,
    total_reward     numeric(18,2) NOT NULL,
    used_at          timestamp NOT NULL DEFAULT now(),
    PRIMARY KEY (id, used_at)
  ) PARTITION BY RANGE (used_at);
  CREATE TABLE :"schema".uses_old PARTITION OF :"schema".promo_code_uses FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
  CREATE TABLE :"schema".uses_new PARTITION OF :"schema".promo_code_uses FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
`;

describe.each([
  ...installations.map((options) => [JSON.stringify(options), options, ''] as const),
  ['a partitioned table of uses', {}, PARTITIONED] as const,
])('redemption with %s', (_, options, change) => {
  const t = useSchema('install options');
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  beforeAll(async () => {
    await installSchema(t.pool, { schema: t.schema });
    if (change) await t.sql(change);
    await installTriggers(t.pool, { schema: t.schema, ...options });
  });

  it('works, and keeps limits and counters', async () => {
    const code = await repository.create({ code: 'CODE', shopId: 'shop', bonusValue: 2, totalUsageLimit: 3 });
    const ask = (customerAddress: string) => ({ code: 'code', shopId: 'shop', customerAddress, baseReward: '1.10' });
    const [first] = await repository.redeemMany([ask('a'), ask('a'), ask('b')]);
    const held = await repository.reserve({ ...ask('c'), ttlSeconds: 60 });
    expect(await repository.redeem(ask('d'))).toMatchObject({ reason: 'usage_limit_reached' });
    if (!first?.ok || !held.ok) throw new Error('refused');
    expect(await repository.redeem(ask('c'))).toMatchObject({ ok: true });
    expect(await repository.rollbackUse(first.use.id)).toEqual({ rolledBack: true });
    expect(await repository.redeem(ask('a'))).toMatchObject({ ok: true, use: { totalReward: '3.10' } });
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 3, totalBonusIssued: '6.00' });
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  });
});
