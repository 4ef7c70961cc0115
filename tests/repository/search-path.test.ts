import { beforeAll, describe, expect, it } from 'vitest';
import { installTriggers, PromoCodeRepository } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

const TYPES = [
  ...['smallint', 'integer', 'bigint', 'numeric', 'text', 'varchar', 'uuid', 'date', 'timestamp', 'timestamptz'],
  ...['interval', '"char"', 'name', 'bpchar'],
];
const OPERATORS = ['=', '<>', '<', '>', '<=', '>=', '+', '-', '||'];
/** What would be preferred to the function of that name in pg_catalog, where a statement leaves the choice. */
const FUNCTIONS: [name: string, ...signatures: string[]][] = [
  ['upper', 'varchar', 'name', 'bpchar'],
  ['lower', 'varchar', 'name', 'bpchar'],
  ['btrim', 'varchar', 'name', 'bpchar'],
  ['strpos', 'varchar, varchar', 'text, varchar'],
  ['date_trunc', 'varchar, timestamptz', 'text, date', 'varchar, date'],
  ['to_char', 'date, text', 'date, varchar', 'timestamp, varchar', 'bigint, varchar'],
  ['round', 'numeric, bigint', 'numeric, smallint'],
  ['current_setting', 'varchar', 'name'],
  ['make_interval', 'days integer'],
  ['generate_series', 'integer, bigint', 'bigint, integer'],
  ['unnest', 'text[]', 'bigint[]', 'uuid[]', 'varchar[]'],
  ['array_to_json', 'text[]', 'bigint[]', 'uuid[]'],
  ['json_build_array', 'date, bigint, text', 'text, text'],
  ['jsonb_build_array', 'text, text, text, text, text'],
];
const AGGREGATES: [name: string, ...types: string[]][] = [
  ['count', 'date', 'text', 'bigint'],
  ['json_agg', 'json'],
  ['array_agg', 'text', 'bigint'],
];

const traps = useSchema('traps');
beforeAll(() => traps.sql(setUpTraps(traps.expand(':"schema"'))).then(() => undefined));

describe.each([
  ['numbers', 'integer', 'serial PRIMARY KEY'],
  ['varchar', 'varchar(40)', 'varchar(40) PRIMARY KEY DEFAULT gen_random_uuid()::varchar'],
  ['uuid', 'uuid', 'uuid PRIMARY KEY DEFAULT gen_random_uuid()'],
])('on the search_path of a session, where the host has functions and operators (ids: %s)', (_, type, id) => {
  const t = useSchema(`search path ${type}`);
  const { schema } = t;
  const path = traps.expand(':"schema"').replaceAll(/[\\ ]/g, '\\$&');
  const pool = t.poolWith({ options: `-c search_path=${path}` });
  const repository = new PromoCodeRepository(pool, { schema });

  beforeAll(async () => {
    const tables = SEED_TABLES.replaceAll('serial PRIMARY KEY', id)
      .replace(/promo_code_id +integer/, `promo_code_id ${type}`)
      .replace(/total_usage_limit +integer/, 'total_usage_limit numeric(9,0)')
      .replace(/start_date +timestamp/, 'start_date date');
    await t.sql(tables);
    await t.sql('ALTER TABLE :"schema".promo_code_uses ALTER used_at TYPE timestamptz');
    await installTriggers(t.pool, { schema, timeZone: 'Asia/Manila' });
  });

  it('they are not used', async () => {
    await expect(pool.query(`SELECT 1::text || 1::name`)).rejects.toThrow('hijacked');
    await expect(pool.query(`SELECT count('x'::text)`)).rejects.toThrow('hijacked');

    const template = { shopId: 'shop', bonusValue: 5, perCustomerLimit: null, endDate: new Date(Date.now() + 9e8) };
    const code = await repository.create({ ...template, code: 'X', totalUsageLimit: 9, name: 'Summer' });
    await repository.ensure({ ...template, code: 'x' });
    await repository.generate({ ...template, count: 2 });
    await repository.update(code.id, { endDate: code.endDate, name: 'Winter' });
    await repository.deactivate(code.id);
    await repository.activate(code.id, { shopId: 'shop' });
    expect(await repository.findByCode('x')).toMatchObject({ id: code.id });
    expect(await repository.findById(code.id, { shopId: 'shop' })).toMatchObject({ name: 'Winter' });

    const request = { code: 'X', shopId: 'shop', customerAddress: 'Ann', baseReward: 10 };
    expect(await repository.validate(request)).toMatchObject({ valid: true });
    const used = await repository.redeem({ ...request, idempotencyKey: 'key' });
    const held = await repository.reserve({ ...request, ttlSeconds: 60 });
    if (!used.ok || !held.ok) throw new Error('refused');
    expect(await repository.redeemMany([request, { ...request, code: 'NO' }])).toMatchObject([
      { ok: true },
      { ok: false },
    ]);
    await repository.confirm(held.use.id, { transactionId: 'order' });
    await repository.amendUse(used.use.id, { bonusAmount: 1 });
    expect(await repository.usageStats(code.id)).toMatchObject({ totalUses: 3, distinctCustomers: 1 });
    await repository.rollbackUse(used.use.id);
    await repository.releaseExpired();
    await repository.pruneIdempotencyKeys({ olderThanDays: 0 });

    for (const orderBy of ['newest', 'timesUsed', 'totalBonusIssued', 'endDate'] as const) {
      const page = { shopId: 'shop', state: 'redeemable', activeOnly: true, orderBy, limit: 1 } as const;
      const { nextCursor } = await repository.list(page);
      expect((await repository.list({ ...page, cursor: nextCursor, search: undefined })).items).toHaveLength(1);
    }
    expect((await repository.list({ search: 'winter' })).items).toHaveLength(1);
    const { nextCursor } = await repository.usesByCode(code.id, { limit: 1 });
    expect((await repository.usesByCode(code.id, { cursor: nextCursor })).items).toHaveLength(1);
    expect((await repository.usesByCustomer('ann', { shopId: 'shop' })).items).toHaveLength(2);

    const { campaigns } = repository;
    const campaign = await campaigns.create({
      shopId: 'shop',
      name: 'Winter',
      maxTotalBonus: 100,
      startDate: new Date(0),
    });
    expect(await campaigns.addCodes(campaign.id, [code.id])).toEqual({ added: 1, moved: 0 });
    expect((await repository.list({ campaignId: campaign.id })).items).toMatchObject([{ id: code.id }]);
    await campaigns.update(campaign.id, { endDate: new Date(Date.now() + 9e8), metadata: { a: 1 } });
    const campaignPage = { shopId: 'shop', state: 'redeemable', search: 'wint' } as const;
    expect((await campaigns.list(campaignPage)).items).toMatchObject([{ id: campaign.id }]);
    await repository.import([{ ...template, code: 'Y', campaignId: campaign.id }]);
    await repository.update(code.id, { name: 'x', campaignId: null }, { shopId: 'shop' });
    expect(await campaigns.removeCodes(campaign.id, [code.id])).toEqual({ removed: 0 });
    await campaigns.delete(campaign.id, { shopId: 'shop' });
    await repository.delete(code.id, { shopId: 'shop' });
  });
});

function setUpTraps(schema: string): string {
  const body = (what: string) => `LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked by ${what}'; END $$`;
  const functions = FUNCTIONS.flatMap(([name, ...signatures]) =>
    signatures.map((types) => `CREATE FUNCTION ${schema}.${name}(${types}) RETURNS text ${body(name)}`),
  );
  const aggregates = AGGREGATES.flatMap(([name, ...types]) =>
    types.map(
      (type) => `CREATE FUNCTION ${schema}.step_${name}(text, ${type}) RETURNS text ${body(name)};
                 CREATE AGGREGATE ${schema}.${name}(${type}) (SFUNC = ${schema}.step_${name}, STYPE = text)`,
    ),
  );
  const operators = TYPES.flatMap((left) =>
    TYPES.filter((right) => right !== left).map((right) => {
      const name = `trap_${`${left}_${right}`.replaceAll('"', '')}`;
      const each = OPERATORS.map(
        (operator) =>
          `CREATE OPERATOR ${schema}.${operator} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = ${schema}.${name})`,
      );
      return [`CREATE FUNCTION ${schema}.${name}(${left}, ${right}) RETURNS boolean ${body(name)}`, ...each].join('; ');
    }),
  );
  return [...functions, ...aggregates, ...operators].join(';\n');
}
