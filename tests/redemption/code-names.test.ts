import { beforeAll, describe, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { toCodeName } from '../../src/redemption/code-name';
import { useDatabase } from '../support';
import { useRepository } from '../support/repository';

it.each([
  ['  SALE\r\n', 'SALE'],
  ['\uFEFFSALE\u00a0', 'SALE'],
  ['SA\u200bL\u00adE\u2060', 'SALE'],
  ['\u200b SALE', 'SALE'],
  ['CAFE\u0301', 'CAF\u00c9'],
  ['two words', 'two words'],
  ['\u202eSALE', 'SALE'],
])('%j names the code %j', (typed, name) => {
  expect(toCodeName(typed)).toBe(name);
});

describe.each(['own', 'seed'] as const)('codes with what nobody types, on the tables of %s', (tables) => {
  const t = useRepository(`code names ${tables}`, { tables });
  const { repository, newCode, request } = t;

  it('are stored clean, and are the same code for all calls', async () => {
    const code = await newCode({ code: '\uFEFFcafe\u0301\u200b-1 \r\n', perCustomerLimit: null });
    expect(code.code).toBe('caf\u00e9-1');
    await expect(newCode({ code: 'CAF\u00c9-1' })).rejects.toMatchObject({ code: 'DUPLICATE_CODE' });
    for (const typed of ['CAFE\u0301-1', ' caf\u00e9\u00ad-1\u00a0', '\u200bCaf\u00e9-1\n']) {
      expect(await repository.findByCode(typed, 'shop')).toMatchObject({ id: code.id });
      expect(await repository.validate(request(code, { code: typed }))).toMatchObject({ valid: true });
      expect(await repository.redeem(request(code, { code: typed }))).toMatchObject({ ok: true });
      expect(await repository.redeemMany([request(code, { code: typed })])).toMatchObject([{ ok: true }]);
    }
    const key = request(code, { idempotencyKey: `typed ${tables}` });
    await repository.redeem(key);
    expect(await repository.redeem({ ...key, code: ' CAFE\u0301-1' })).toMatchObject({ replayed: true });
    expect(
      (
        await repository.generate({
          shopId: 'shop',
          count: 1,
          pattern: '\u200b##########',
          bonusValue: 1,
          endDate: code.endDate,
        })
      )[0]!.code,
    ).toMatch(/^\d{10}$/);
  });

  it.each([
    ['CRLF\r', 'crlf'],
    ['LINES\r\n', 'LINES'],
    ['TAB\t', 'TAB'],
    ['\uFEFFBOM', 'BOM'],
    ['NBSP\u00a0', 'NBSP'],
    ['ZW\u200bSP', 'zwsp'],
    ['DECOMPOSE\u0301', 'DECOMPOS\u00c9'],
  ])('that a host has stored as %j are found as %j', async (stored, typed) => {
    const code = await newCode({ perCustomerLimit: null });
    await t.sql(`ALTER TABLE :"schema".promo_codes DROP CONSTRAINT IF EXISTS promo_codes_code_check`);
    await t.sql('UPDATE :"schema".promo_codes SET code = $1 WHERE id = $2', [stored, code.id]);
    const ask = request(code, { code: typed });
    expect(await repository.findByCode(typed, 'shop')).toMatchObject({ id: code.id });
    expect(await repository.validate(ask)).toMatchObject({ valid: true, promoCode: { id: code.id } });
    expect(await repository.redeem(ask)).toMatchObject({ ok: true, use: { promoCodeId: code.id } });
    expect(await repository.redeemMany([ask, ask])).toMatchObject([{ ok: true }, { ok: true }]);
    // One that is stored as it is typed comes first.
    const clean = await newCode({ code: typed });
    expect(await repository.redeem(ask)).toMatchObject({ ok: true, use: { promoCodeId: clean.id } });
  });
});

describe('a database that cannot write every character', () => {
  const t = useDatabase('latin', `encoding 'LATIN1' locale 'C'`);
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  const ask = { code: 'SALE', shopId: 's', customerAddress: 'ann', baseReward: 1 };
  beforeAll(async () => {
    await installSchema(t.pool, { schema: t.schema });
    await repository.create({ code: 'caf\u00e9', shopId: 's', bonusValue: 5, perCustomerLimit: null });
  });

  it('has no code or shop with others, and a transaction of the host goes on', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    for (const lookUp of [{ code: 'SALE🎉' }, { shopId: 'ł' }]) {
      const asked = { ...ask, ...lookUp };
      expect(await repository.redeem(asked, { client })).toMatchObject({ reason: 'not_found' });
      expect(await repository.validate(asked, { client })).toMatchObject({ reason: 'not_found' });
      expect(await repository.findByCode(asked.code, asked.shopId, { client })).toBeNull();
      const mixed = [{ ...ask, code: 'Caf\u00e9' }, asked];
      expect(await repository.redeemMany(mixed, { client })).toMatchObject([{ ok: true }, { reason: 'not_found' }]);
    }
    expect(await repository.list({ shopId: 'ł', client })).toEqual({ items: [], nextCursor: null });
    expect(await repository.usesByCustomer('ł', { client })).toEqual({ items: [], nextCursor: null });
    await client.query('COMMIT');
  });

  it('refuses to store others, and names the field', async () => {
    for (const path of ['customerAddress', 'transactionId', 'idempotencyKey']) {
      await expect(repository.redeem({ ...ask, [path]: '🎉' })).rejects.toMatchObject({ issues: [{ path }] });
    }
    await expect(repository.create({ code: '🎉', shopId: 's', bonusValue: 1 })).rejects.toMatchObject({
      issues: [{ path: 'code' }],
    });
  });
});
