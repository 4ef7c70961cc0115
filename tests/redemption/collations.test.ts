import { beforeAll, describe, expect, it } from 'vitest';
import { archiveUses, assertNoDrift } from '../../src/index';
import { useRepository } from '../support/repository';

/** Columns that fold letters otherwise than the database does. */
describe.each([
  ['Turkish', `CREATE COLLATION :"schema".chosen (provider = icu, locale = 'tr')`, 'INGRID İI', 'ıngrıd iı'],
  [
    'nondeterministic',
    `CREATE COLLATION :"schema".chosen (provider = icu, locale = 'und-u-ks-level1', deterministic = false)`,
    'José',
    'jose',
  ],
])('columns with a %s collation', (name, collation, customer, sameCustomer) => {
  const t = useRepository(`collations ${name}`);
  const { repository, newCode, request } = t;

  beforeAll(async () => {
    await t.sql(collation);
    await t.sql(
      `ALTER TABLE :"schema".promo_code_uses ALTER COLUMN customer_address TYPE text COLLATE :"schema".chosen`,
    );
    await t.sql(`ALTER TABLE :"schema".promo_codes ALTER COLUMN code TYPE text COLLATE :"schema".chosen`);
  });

  it('keep the limit of a customer, one after another and together', async () => {
    const calls = (code: Awaited<ReturnType<typeof newCode>>) =>
      [customer, sameCustomer, customer].map((customerAddress) => request(code, { customerAddress }));
    const single = [];
    const alone = await newCode();
    for (const call of calls(alone)) single.push(await repository.redeem(call));
    expect(single.map(({ ok }) => ok)).toEqual([true, false, false]);
    expect(await repository.validate(calls(alone)[1]!)).toMatchObject({ reason: 'customer_limit_reached' });
    expect((await repository.usesByCustomer(sameCustomer)).items).toHaveLength(1);

    const together = await newCode();
    expect((await repository.redeemMany(calls(together))).map(({ ok }) => ok)).toEqual([true, false, false]);
    expect((await repository.redeemMany(calls(together))).map(({ ok }) => ok)).toEqual([false, false, false]);
    const wide = await newCode({ perCustomerLimit: 3 });
    expect((await repository.redeemMany(calls(wide))).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(await repository.redeem(calls(wide)[1]!)).toMatchObject({ reason: 'customer_limit_reached' });
    await assertNoDrift(t.pool, { schema: t.schema });
  });

  it('keep the limit of a customer whose uses were archived', async () => {
    const code = await newCode();
    expect(await repository.redeem(request(code, { customerAddress: customer }))).toMatchObject({ ok: true });
    await archiveUses(t.pool, { schema: t.schema, before: '2100-01-01T00:00:00Z' });
    const again = request(code, { customerAddress: sameCustomer });
    expect(await repository.validate(again)).toMatchObject({ reason: 'customer_limit_reached' });
    expect(await repository.redeem(again)).toMatchObject({ reason: 'customer_limit_reached' });
    expect((await repository.redeemMany([again, request(code)])).map(({ ok }) => ok)).toEqual([false, true]);
    expect(await repository.usageStats(code.id, { days: 1 })).toMatchObject({ totalUses: 2, distinctCustomers: 2 });
    await assertNoDrift(t.pool, { schema: t.schema });
  });

  it('find codes with letters that fold otherwise', async () => {
    const code = await newCode({ code: 'mini-ıi' });
    expect(await repository.findByCode('mini-ıi', 'shop')).toMatchObject({ id: code.id });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    expect((await repository.redeemMany([request(code), request(code)])).map(({ ok }) => ok)).toEqual([true, true]);
    expect(await repository.validate(request(code))).toMatchObject({ valid: true });
  });
});
