import { beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, PromoCodeRepository, ValidationError } from '../../src/index';
import { useRepository } from '../support/repository';
import { isIncluded } from '../support/scope';

const t = useRepository('limits on input');
/** Nothing may be sent for what is too much by itself. */
const unreachable = new PromoCodeRepository({ query: () => Promise.reject(new Error('the server was asked')) });
const asked = { code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1 };
const made = { code: 'X', shopId: 's', bonusValue: 5 };

/** As long as an array can be, with nothing in it: who goes through it does not come back. */
const endless = new Array(2 ** 32 - 1) as never[];
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
const letters = (count: number) => 'x'.repeat(count);

async function issuesOf(call: () => Promise<unknown>) {
  const error = await call().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  const { issues, message } = error as ValidationError;
  expect(message.length).toBeLessThan(2_000);
  return issues.map(({ path }) => path);
}

describe('what is too much is refused before the server is asked', () => {
  it.each<[string, string, () => Promise<unknown>]>([
    ['a code of 501 characters', 'code', () => unreachable.redeem({ ...asked, code: letters(501) })],
    ['a code of 10 million', 'code', () => unreachable.redeem({ ...asked, code: letters(10_000_000) })],
    ['a shop of 513 bytes', 'shopId', () => unreachable.redeem({ ...asked, shopId: 'ä'.repeat(257) })],
    ['a customer', 'customerAddress', () => unreachable.redeem({ ...asked, customerAddress: letters(501) })],
    ['a transaction', 'transactionId', () => unreachable.redeem({ ...asked, transactionId: letters(501) })],
    ['a key', 'idempotencyKey', () => unreachable.redeem({ ...asked, idempotencyKey: letters(513) })],
    ['an amount of digits', 'baseReward', () => unreachable.redeem({ ...asked, baseReward: '1'.repeat(1_000_000) })],
    ['a number of 100,000 digits', 'shopId', () => unreachable.redeem({ ...asked, shopId: 10n ** 100_000n })],
    ['a limiter key', 'rateLimitKey', () => unreachable.redeem(asked, { rateLimitKey: letters(1_001) })],
    ['10,001 requests', 'requests', () => unreachable.redeemMany(Array.from({ length: 10_001 }, () => asked))],
    ['requests without end', 'requests', () => unreachable.redeemMany(endless)],
    ['a million and one codes', 'count', () => unreachable.generate({ shopId: 's', bonusValue: 5, count: 1_000_001 })],
    [
      'customers without end',
      'customers',
      () => unreachable.generate({ shopId: 's', bonusValue: 5, customers: endless }),
    ],
    ['1,001 columns', 'columns', () => unreachable.create({ ...made, columns: { ...Array(1_001).fill(1) } })],
    ['a column of depth', 'columns.note', () => unreachable.create({ ...made, columns: { note: nested(200) } })],
    ['metadata of 100,001 characters', 'metadata', () => unreachable.create({ ...made, metadata: letters(100_001) })],
    ['metadata of 101 levels', 'metadata', () => unreachable.create({ ...made, metadata: nested(101) as never })],
    ['metadata of 10,000 levels', 'metadata', () => unreachable.create({ ...made, metadata: nested(5_000) as never })],
    ['a name', 'name', () => unreachable.create({ ...made, name: letters(100_001) })],
    ['a cursor', 'cursor', () => unreachable.list({ cursor: letters(2_001) })],
    ['a cursor of a long id', 'cursor', () => unreachable.list({ cursor: cursorOf(`newest:-:${letters(1_001)}`) })],
    ['a page', 'limit', () => unreachable.list({ limit: 10_001 })],
    ['a search', 'search', () => unreachable.list({ search: letters(501) })],
    ['codes of a campaign without end', 'codeIds', () => unreachable.campaigns.addCodes(1, endless)],
    ['a reason', 'reason', () => unreachable.rollbackUse(1, { reason: letters(501) })],
    ['days', 'days', () => unreachable.usageStats(1, { days: 3_661 })],
    ['top codes', 'top', () => unreachable.shopStats({ top: 1_001 })],
    ['ids to check without end', 'promoCodeIds', () => checkDrift(t.pool, { schema: t.schema, promoCodeIds: endless })],
  ])('%s', async (_, path, call) => {
    expect(await issuesOf(call)).toEqual([path]);
  });
});

const cursorOf = (mark: string) => Buffer.from(mark).toString('base64url');

describe('as much as is allowed', () => {
  it('is stored and comes back', async () => {
    const metadata = letters(99_998);
    const name = letters(1_000);
    const code = await t.repository.create({ ...made, code: letters(500), name, metadata });
    expect(await t.repository.findById(code.id)).toMatchObject({ code: letters(500), name, metadata });
    const request = { ...asked, code: letters(500), customerAddress: letters(500), transactionId: letters(500) };
    expect(await t.repository.redeem({ ...request, idempotencyKey: letters(500) })).toMatchObject({ ok: true });
  });

  it.skipIf(!isIncluded('an import of a million rows'))(
    'an import of rows without end is refused at the row after the last that can be kept, and wrote nothing',
    { timeout: 120_000 },
    async () => {
      function* rows() {
        yield { ...made, code: 'FIRST' };
        for (;;) yield {};
      }
      expect(await issuesOf(() => t.repository.import(rows()))).toEqual(['rows']);
      expect(await t.repository.findByCode('FIRST', 's')).toBeNull();
    },
  );
});

describe('columns of the host under names that objects have of their own', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];
  beforeAll(async () => {
    for (const name of NAMES)
      await t.sql(
        `ALTER TABLE :"schema".promo_codes ADD "${name}" text; ALTER TABLE :"schema".promo_code_uses ADD "${name}" text`,
      );
  });

  it.each(NAMES)('%s is written as any other', async (name) => {
    const own = new PromoCodeRepository(t.pool, { schema: t.schema });
    const columns = JSON.parse(`{ ${JSON.stringify(name)}: "kept" }`);
    const code = await own.create({
      code: `WITH ${name}`,
      shopId: 's',
      bonusValue: 5,
      perCustomerLimit: null,
      columns,
    });
    const request = { ...asked, code: `WITH ${name}`, columns };
    expect(await own.redeem(request)).toMatchObject({ ok: true });
    expect(await own.redeemMany([request, request])).toMatchObject([{ ok: true }, { ok: true }]);
    const read = (table: string) => t.sql(`SELECT "${name}" AS value FROM :"schema".${table}`);
    expect((await read(`promo_codes WHERE id = ${code.id}`)).rows).toEqual([{ value: 'kept' }]);
    expect((await read(`promo_code_uses WHERE promo_code_id = ${code.id}`)).rows).toEqual(
      Array(3).fill({ value: 'kept' }),
    );
    const { rows } = await t.sql(`SELECT id FROM :"schema".promo_codes WHERE id = ${code.id}`);
    expect(rows).toHaveLength(1);
  });

  it.each(NAMES)('%s is named where it has to be given', async (name) => {
    await t.sql(
      `DELETE FROM :"schema".promo_code_uses; ALTER TABLE :"schema".promo_code_uses ALTER "${name}" SET NOT NULL`,
    );
    const own = new PromoCodeRepository(t.pool, { schema: t.schema });
    await t.repository.ensure({ ...made, code: 'NEEDS' });
    const error = await own.redeem({ ...asked, code: 'NEEDS' }).catch((thrown: unknown) => thrown);
    await t.sql(`ALTER TABLE :"schema".promo_code_uses ALTER "${name}" DROP NOT NULL`);
    expect(error).toMatchObject({ code: 'VALIDATION', issues: [{ path: `columns.${name}` }] });
    // By itself, and not from the server.
    expect((error as Error).cause).toBeUndefined();
  });
});
