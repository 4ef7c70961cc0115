import { describe, expect, it } from 'vitest';
import {
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  renderSql,
  type SchemaOptions,
  ValidationError,
} from '../../src/index';
import { type TestSchema, useSchema } from '../support';

const apart = { start: 3, increment: 16 };

async function use(t: TestSchema): Promise<string[]> {
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  const ids: string[] = [];
  for (const name of ['A', 'B']) {
    const code = await repository.create({ code: name, shopId: 's', bonusValue: 5, perCustomerLimit: null });
    const result = await repository.redeem({ code: name, shopId: 's', customerAddress: 'ann', baseReward: 1 });
    if (!result.ok) throw new Error(result.message);
    ids.push(code.id, result.use.id);
  }
  return ids;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4/;

describe('numbers of which others give none', () => {
  const t = useSchema('apart');
  const install = (options: SchemaOptions = {}) => installSchema(t.pool, { schema: t.schema, ...options });

  it('are those of codes and uses, at the second start as at the first', async () => {
    await install({ ids: apart, dryRun: true });
    await install({ ids: apart });
    const ids = await use(t);
    expect(ids).toEqual(['3', '3', '19', '19']);
    expect(await install({ ids: apart })).toMatchObject({ changed: false, created: [] });
    expect(await install()).toMatchObject({ changed: false });
    expect((await inspectTriggers(t.pool, { schema: t.schema })).ids).toEqual({
      codes: { start: '3', increment: '16', last: '19' },
      uses: { start: '3', increment: '16', last: expect.any(String) },
    });
  });

  it('that are asked for otherwise are refused, with what makes them so', async () => {
    const error = await install({ ids: { start: 2, increment: 16 } }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ValidationError);
    const { issues } = error as ValidationError;
    expect(issues).toHaveLength(2);
    for (const { message } of issues) {
      const [, statement] = /To change that: (ALTER TABLE .*;)$/.exec(message) ?? [];
      await t.pool.query(statement!);
    }
    await install({ ids: { start: 2, increment: 16 } });
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    // The first above what there is.
    expect(await repository.create({ code: 'C', shopId: 's', bonusValue: 5 })).toMatchObject({ id: '34' });
    await expect(install({ ids: 'uuid' })).rejects.toThrow(/promo_codes\.id is there already, and no uuid/);
  });

  it.each([
    [{ start: 0, increment: 4 }, /^ids\.start: must be a whole number from 1/],
    [{ start: 5, increment: 4 }, /^ids\.start: must not be above increment/],
    [{ start: 1 }, /^ids\.increment: is required/],
    [{ start: 1, increment: 4, by: 1 }, /^ids\.by: is not/],
    ['bigint', /^ids: must be 'uuid' or \{ start, increment \}; received 'bigint'/],
  ])('%o is refused', async (ids, message) => {
    await expect(install({ ids } as object)).rejects.toThrow(message);
    expect(() => renderSql('schema', { ids } as object)).toThrow(message);
    await expect(installTriggers(t.pool, { schema: t.schema, ids } as object)).rejects.toThrow(/ids: is not an option/);
  });
});

describe('random ids', () => {
  const t = useSchema('random');

  it('are those of codes and uses', async () => {
    await installSchema(t.pool, { schema: t.schema, ids: 'uuid' });
    const ids = await use(t);
    for (const id of ids) expect(id).toMatch(UUID);
    expect(await installSchema(t.pool, { schema: t.schema, ids: 'uuid' })).toMatchObject({ changed: false });
    const { ids: sources } = await inspectTriggers(t.pool, { schema: t.schema });
    expect(sources).toEqual({ codes: null, uses: null });
    await expect(installSchema(t.pool, { schema: t.schema, ids: apart })).rejects.toThrow(
      /promo_codes\.id is there already and takes its values from no sequence/,
    );
  });
});

describe('the script', () => {
  const t = useSchema('script');
  const other = useSchema('script of uuids');

  it('makes the same, and may run again', async () => {
    const script = renderSql('schema', { schema: t.schema, ids: apart });
    await t.pool.query(script);
    expect(await use(t)).toEqual(['3', '3', '19', '19']);
    await t.pool.query(script);
    expect(await installSchema(t.pool, { schema: t.schema, ids: apart })).toMatchObject({ changed: false });
    await other.pool.query(renderSql('schema', { schema: other.schema, ids: 'uuid' }));
    for (const id of await use(other)) expect(id).toMatch(UUID);
    expect(await installSchema(other.pool, { schema: other.schema })).toMatchObject({ changed: false });
  });

  it('is the only one that takes the option', () => {
    expect(() => renderSql('triggers', { ids: 'uuid' })).toThrow(/^ids: must be left out/);
    expect(() => renderSql('schema', { idTypes: { codes: 'uuid' } })).toThrow(/^idTypes: must be left out/);
  });
});
